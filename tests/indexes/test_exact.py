"""Exact search: the int8 error bounds hold, and pruning finds what brute force finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.indexes import pruning
from imagefinder.indexes.brute_force import brute_force
from imagefinder.indexes.scalar_quantization import Int8Rows, dot_products
from imagefinder.indexes.segment import Segment
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Measure

DIM = 24
numbers = st.floats(-1000, 1000, width=32).map(np.float32)


def rows(count: int) -> st.SearchStrategy[Features]:
    return arrays(np.float32, (count, DIM), elements=numbers)


@given(rows(3), rows(7))
def test_error_bounds_of_dot_products_hold(queries: Features, others: Features) -> None:
    products, errors = dot_products(Int8Rows.quantize(queries), Int8Rows.quantize(others))
    true = queries.astype(np.float64) @ others.T.astype(np.float64)
    assert (np.abs(products - true) <= errors + 1e-6).all()


@given(rows(1), rows(9))
def test_one_query_gives_what_many_give(queries: Features, others: Features) -> None:
    alone, _ = dot_products(Int8Rows.quantize(queries), Int8Rows.quantize(others))
    together, _ = dot_products(
        Int8Rows.quantize(np.repeat(queries, 5, axis=0)), Int8Rows.quantize(others)
    )
    assert_array_equal(together, np.repeat(alone, 5, axis=0))


@pytest.mark.parametrize("measure", ["cosine", "l2", "dot"])
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 7, 200]),
    st.sampled_from([1e-3, 1, 300]),
    st.sampled_from([1, 5, 199, 200, 300]),
    st.sampled_from([1, 2, 3, 9]),
    st.booleans(),
)
def test_pruning_finds_what_brute_force_finds(
    measure: Measure, seed: int, different: int, size: float, k: int, asked: int, choose: bool
) -> None:
    rng = np.random.default_rng(seed)
    kinds = rng.normal(0, size, (different, DIM)).astype(np.float32)
    others = kinds[rng.integers(different, size=200)]
    keys = rng.permutation(1000)[:200].astype(np.int64)
    subset = rng.permutation(1000)[:900].astype(np.int64) if choose else None
    held = normalized_for(measure, others)
    queries = normalized_for(
        measure, others[rng.integers(200, size=asked)] + rng.normal(0, size / 10, DIM)
    )
    queries = queries.astype(np.float32)
    segment = Segment(keys, held, Int8Rows.quantize(held)).with_tombstones(keys[:3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "_BLOCK", 40 * DIM)  # several blocks
        found = brute_force([segment], measure, queries, k, subset)
    live = np.ones(200, bool)
    live[:3] = False
    if subset is not None:
        live &= np.isin(keys, subset)
    every = scores(measure, queries, held[live])
    wanted = min(k, int(live.sum()))
    rounding = 1e-4 * (1 if measure == "cosine" else size**2)
    assert found.keys.shape == (asked, wanted)
    for line, its_scores, own in zip(found.keys, found.scores, every, strict=True):
        order = np.lexsort((keys[live], -own))[:wanted]
        # equal but for the rounding of sums in another order
        assert_allclose(its_scores, own[order], rtol=1e-4, atol=rounding)
        assert len(set(line.tolist())) == wanted
        of_key = dict(zip(keys[live].tolist(), own.tolist(), strict=True))
        of_line = [of_key[key] for key in line.tolist()]
        assert_allclose(of_line, its_scores, rtol=1e-4, atol=rounding)


def test_identical_rows_are_all_candidates() -> None:
    alike = np.ones((500, DIM), np.float32)
    segment = Segment(np.arange(500), alike, Int8Rows.quantize(alike))
    found = brute_force([segment], "dot", alike[:1], 4)
    assert_array_equal(found.keys, [[0, 1, 2, 3]])


def test_rows_of_zeros_can_be_quantized() -> None:
    nothing = np.zeros((4, DIM), np.float32)
    codes = Int8Rows.quantize(nothing)
    assert not codes.scales.any()
    assert not codes.residual_norms.any()
    products, errors = dot_products(codes, codes)
    assert not products.any()
    assert not errors.any()
