"""Groups of images, against sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.catalogue.image_groups import ImageGroups, is_member

COUNT = 4
KEYS = st.integers(0, 2**63 - 1) | st.integers(0, 5)
PAIRS = st.lists(st.tuples(st.integers(0, COUNT - 1), KEYS), max_size=30)


def made(pairs: list[tuple[int, int]]) -> ImageGroups:
    codes = np.array([code for code, _ in pairs], np.intp)
    return ImageGroups(np.array([key for _, key in pairs], np.int64), codes, COUNT)


@given(PAIRS, st.sets(st.integers(0, COUNT - 1)))
def test_groups_are_sets_of_images(pairs: list[tuple[int, int]], codes: set[int]) -> None:
    groups = made(pairs)
    assert len(groups) == COUNT
    members = groups.members(sorted(codes)).tolist()
    assert members == sorted({key for code, key in pairs if code in codes})
    sizes = [len({key for code, key in pairs if code == wanted}) for wanted in range(COUNT)]
    assert groups.sizes.tolist() == sizes


@given(PAIRS, KEYS)
def test_an_image_knows_its_groups(pairs: list[tuple[int, int]], other: int) -> None:
    groups = made(pairs)
    assert groups.keys.tolist() == sorted({key for _, key in pairs})
    for wanted in [other, *groups.keys.tolist()]:
        assert list(groups.codes_of(wanted)) == sorted(
            {code for code, key in pairs if key == wanted}
        )


@given(st.lists(KEYS), st.sets(KEYS))
def test_keys_are_known_among_others(keys: list[int], some: set[int]) -> None:
    found = is_member(np.array(keys, np.int64), np.array(sorted(some), np.int64))
    assert found.tolist() == [key in some for key in keys]
