"""Quantized local features come back to within one step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from imagefinder.local_features.codec import pack, unpack
from imagefinder.similarity import unit
from imagefinder.types import LocalFeatures

DIM = 6
COUNTS = st.integers(0, 12)


def local_features(signed: bool) -> st.SearchStrategy[LocalFeatures]:
    # no row of zeros: a row has length 1
    numbers = st.integers(-64 if signed else 1, 64).filter(bool).map(lambda number: number / 64)
    shares = st.floats(0, 1, width=32)

    def of(count: int) -> st.SearchStrategy[LocalFeatures]:
        return st.builds(
            LocalFeatures,
            arrays(np.float32, (count, 2), elements=shares),
            arrays(np.float32, (count, DIM), elements=numbers).map(unit),
        )

    return COUNTS.flatmap(of)


@given(st.booleans().flatmap(local_features))
def test_what_comes_back_is_within_half_a_step_of_what_went_in(local: LocalFeatures) -> None:
    back = unpack(pack(local), DIM)
    assert back.points.shape == local.points.shape
    assert back.descriptors.shape == local.descriptors.shape
    assert back.points.dtype == back.descriptors.dtype == np.float32
    assert_allclose(back.points, local.points, atol=1 / 65535)
    assert_allclose(np.linalg.norm(back.descriptors, axis=1), 1, atol=1e-5)
    # half a step of a range of at most 2 for each number, and the length put right
    assert ((back.descriptors - local.descriptors) ** 2).sum(axis=1).max(initial=0) <= (
        2 * DIM**0.5 / 255
    ) ** 2


@given(local_features(signed=False))
def test_packing_again_changes_little(local: LocalFeatures) -> None:
    once = unpack(pack(local), DIM)
    twice = unpack(pack(once), DIM)
    assert_allclose(twice.points, once.points, atol=1e-6)
    assert_allclose(twice.descriptors, once.descriptors, atol=2 / 255)


@given(st.booleans().flatmap(local_features))
def test_a_part_costs_a_byte_a_number_and_four_for_its_place(local: LocalFeatures) -> None:
    assert len(pack(local)) == (8 + len(local) * (4 + DIM) if len(local) else 0)


def test_none_come_back_as_none() -> None:
    nothing = LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, DIM), np.float32))
    none = unpack(pack(nothing), DIM)
    assert (len(none), none.points.shape, none.descriptors.shape) == (0, (0, 2), (0, DIM))


def test_numbers_that_are_all_the_same_come_back() -> None:
    same = np.full((3, DIM), DIM**-0.5, np.float32)
    back = unpack(pack(LocalFeatures(np.zeros((3, 2), np.float32), same)), DIM)
    assert_allclose(back.descriptors, same, atol=1e-6)


def test_a_place_outside_the_image_is_moved_to_its_edge() -> None:
    places = np.array([[-0.1, 0.5], [0.5, 1.1]], np.float32)
    back = unpack(pack(LocalFeatures(places, unit(np.ones((2, DIM), np.float32)))), DIM)
    assert_allclose(back.points, [[0, 0.5], [0.5, 1]], atol=1e-5)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_give_finite_numbers(blob: bytes) -> None:
    try:
        local = unpack(blob, DIM)
    except ValueError:
        return
    assert local.descriptors.shape == (len(local), DIM)
    assert np.isfinite(local.descriptors).all()
    assert ((local.points >= 0) & (local.points <= 1)).all()


@given(local_features(signed=True).filter(len), st.data())
def test_bytes_that_were_cut_or_belong_to_others_are_refused(
    local: LocalFeatures, data: st.DataObject
) -> None:
    blob = pack(local)
    left = data.draw(st.integers(1, len(blob) - 1).filter(lambda left: (left - 8) % (4 + DIM)))
    for damaged in (blob[:left], blob + b"\0", blob[:8], bytes(8)):
        with pytest.raises(ValueError, match=r"invalid|buffer"):
            unpack(damaged, DIM)


@pytest.mark.parametrize("range_", [(np.nan, 1), (0, np.inf), (-np.inf, 0), (-3e38, 3e38)])
def test_a_range_that_makes_no_sense_is_refused(range_: tuple[float, float]) -> None:
    whole = pack(LocalFeatures(np.zeros((1, 2), np.float32), np.ones((1, DIM), np.float32)))
    with pytest.raises(ValueError, match="invalid local features"):
        unpack(np.array(range_, "<f4").tobytes() + whole[8:], DIM)
