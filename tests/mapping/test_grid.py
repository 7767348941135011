"""Pictures in the cells of a grid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from imagefinder.mapping.grid import arranged
from imagefinder.mapping.legend import COLOURS, OTHERS, legend
from imagefinder.mapping.projection import Places


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(0, 40), st.just(2)),
        elements=st.floats(0, 1, width=32),
    ),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_no_cell_has_two_and_none_is_far_from_its_place(
    places: Places, columns: int, rows: int
) -> None:
    cells = arranged(places, columns, rows)
    there = cells[cells[:, 0] >= 0]
    assert len({tuple(cell) for cell in there.tolist()}) == len(there)
    assert (there < [columns, rows]).all()
    wanted = places[cells[:, 0] >= 0] * [columns, rows] - 0.5
    assert (np.abs(there - wanted) <= 3.5 + 1e-4).all()
    assert len(there) >= min(len(places), 1)


def test_the_nearest_to_a_cell_has_it() -> None:
    places = np.array([[0.30, 0.5], [0.26, 0.5], [0.9, 0.5]], np.float32)
    assert_array_equal(arranged(places, 2, 1)[1:], [[0, 0], [1, 0]])
    assert_array_equal(arranged(places, 2, 1)[0], [-1, -1])


def test_large_groups_have_colours_and_small_ones_share_one() -> None:
    groups = [f"{number:02}" for number in range(14) for _ in range(20 - number)]
    key = legend([*groups, None])
    assert key.names == (*(f"{number:02}" for number in range(12)), "others")
    assert key.colours == (*COLOURS, OTHERS)
    assert key.codes.count(12) == 8 + 7 + 1
    assert legend(["b", "a", "a"]).codes == (1, 0, 0)
    assert legend([]).names == ()
