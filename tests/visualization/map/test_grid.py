"""Images in the cells of a grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagefinder.visualization.map.grid import _nearest, make_grid
from imagefinder.visualization.map.legend import COLORS, OTHERS, make_legend
from imagefinder.visualization.map.projection import Coordinates

PLACES = arrays(
    np.float32,
    st.tuples(st.integers(0, 40), st.just(2)),
    elements=st.floats(0, 1, width=32),
)


@given(PLACES, st.none() | st.integers(1, 9))
def test_each_image_has_a_cell_of_its_own_as_long_as_there_are_some(
    places: Coordinates, most: int | None
) -> None:
    found = make_grid(places, most)
    assert found.columns <= (most or 99)
    there = found.cells[found.cells[:, 0] >= 0]
    assert (there >= 0).all()
    assert (there < [found.columns, found.rows]).all()
    assert len({tuple(cell) for cell in there.tolist()}) == len(there)
    assert len(there) == min(len(places), found.columns * found.rows)
    assert len(there) == len(places) or most is not None


def test_the_nearest_to_a_cell_has_it_and_others_the_nearest_one_that_is_free() -> None:
    free = np.ones((7, 7), bool)
    free[2:5, 2:5] = False
    assert _nearest(free, np.array([3.0, 3.4], np.float32)).tolist() == [3, 5]
    places = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [0.02, 0.02]], np.float32)
    found = make_grid(places)
    last = found.columns - 1
    assert found.cells[1:].tolist() == [[0, last], [last, 0], [last, last], [0, 0]]
    assert found.cells[0].sum() == 1


def test_a_grid_is_as_high_as_the_places_are() -> None:
    line = np.column_stack([np.linspace(0, 1, 100), np.full(100, 0.5)]).astype(np.float32)
    flat, tall = make_grid(line), make_grid(line[:, ::-1])
    assert flat.rows / flat.columns == pytest.approx(0.4, abs=0.05)
    assert tall.rows == tall.columns


def test_large_groups_have_colours_and_small_ones_share_one() -> None:
    groups = [f"{number:02}" for number in range(14) for _ in range(20 - number)]
    key = make_legend([*groups, None])
    assert key.names == (*(f"{number:02}" for number in range(12)), "others")
    assert key.colors == (*COLORS, OTHERS)
    assert key.codes.count(12) == 8 + 7 + 1
    assert make_legend(["b", "a", "a"]).codes == (1, 0, 0)
    assert make_legend([]).names == ()
