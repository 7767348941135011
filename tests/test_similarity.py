"""Similarity measures: scores point one way, distances are their inverse in the measure's unit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from imagefinder.similarity import (
    Pairs,
    Scores,
    distances,
    dtype,
    mutual_neighbors,
    normalized_for,
    ratio_test,
    scores,
    scores_of,
    unit,
)
from imagefinder.types import Features, Measure

FLOATS: list[Measure] = ["cosine", "l2", "dot"]
MEASURES: list[Measure] = [*FLOATS, "hamming"]
DIM = 8


def matrices(measure: Measure) -> st.SearchStrategy[Features]:
    """A few rows of DIM columns, zeros and repetitions among them."""
    shape = st.tuples(st.integers(1, 6), st.just(DIM))
    if measure == "hamming":
        return arrays.arrays(np.uint8, shape)
    eighths = st.integers(-1000, 1000).map(lambda number: number / 8)
    return arrays.arrays(np.float32, shape, elements=eighths)


MATRICES = st.sampled_from(MEASURES).flatmap(
    lambda measure: st.tuples(st.just(measure), matrices(measure), matrices(measure))
)


# few different scores, so that there are ties
TABLES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=7),
    elements=st.integers(-4, 4).map(lambda number: number / 4),
)


def as_defined(measure: Measure, one: NDArray[Any], other: NDArray[Any]) -> float:
    """The distance of two vectors, word for word, in double precision."""
    if measure == "hamming":
        difference = int.from_bytes(one.tobytes()) ^ int.from_bytes(other.tobytes())
        return difference.bit_count()
    a, b = one.astype(float), other.astype(float)
    if measure == "l2":
        return float(np.sqrt(((a - b) ** 2).sum()))
    if measure == "dot":
        return -float((a * b).sum())
    lengths = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return 1 - float((a * b).sum()) / lengths if lengths else 1.0


def compared(measure: Measure, queries: Features, rows: Features) -> NDArray[np.float32]:
    return scores(measure, normalized_for(measure, queries), normalized_for(measure, rows))


@given(MATRICES)
def test_distances_are_as_they_are_defined(given: tuple[Measure, Features, Features]) -> None:
    measure, queries, rows = given
    found = distances(measure, compared(measure, queries, rows), DIM)
    wanted = [[as_defined(measure, query, row) for row in rows] for query in queries]
    exact = measure == "hamming"
    assert_allclose(found, wanted, rtol=0 if exact else 1e-4, atol=0 if exact else 1e-5)


@given(MATRICES)
def test_a_smaller_distance_is_a_higher_score(given: tuple[Measure, Features, Features]) -> None:
    measure, queries, rows = given
    for query, line in zip(queries, compared(measure, queries, rows), strict=True):
        far = np.array([as_defined(measure, query, row) for row in rows])
        for nearer, score in zip(far, line, strict=True):
            margin = 1e-4 * (1 + np.abs(far))  # what rounding may turn round
            assert (line[far > nearer + margin] <= score).all()


@given(MATRICES)
def test_what_is_identical_scores_one(given: tuple[Measure, Features, Features]) -> None:
    measure, rows, _ = given
    if measure == "dot":
        return
    rows = rows[np.any(rows != 0, axis=1)] if measure == "cosine" else rows
    own = np.diagonal(compared(measure, rows, rows))
    assert_allclose(own, 1, atol=1e-6 if measure == "cosine" else 0)


@given(MATRICES)
def test_no_score_but_dot_is_above_one(given: tuple[Measure, Features, Features]) -> None:
    measure, queries, rows = given
    assert measure == "dot" or (compared(measure, queries, rows) <= 1).all()


@given(MATRICES)
def test_scores_are_symmetric(given: tuple[Measure, Features, Features]) -> None:
    measure, queries, rows = given
    there, back = compared(measure, queries, rows), compared(measure, rows, queries)
    assert_allclose(there, back.T, rtol=1e-6, atol=1e-6)


@given(MATRICES)
def test_scores_come_back_from_distances(given: tuple[Measure, Features, Features]) -> None:
    measure, queries, rows = given
    there = compared(measure, queries, rows)
    back = scores_of(measure, distances(measure, there, DIM), DIM)
    assert_allclose(back, there, atol=2e-7)
    assert back.dtype == there.dtype == np.float32


@pytest.mark.parametrize("measure", MEASURES)
def test_no_queries_and_no_rows_give_empty_scores(measure: Measure) -> None:
    some, none = np.ones((3, DIM), dtype(measure)), np.empty((0, DIM), dtype(measure))
    assert compared(measure, none, some).shape == (0, 3)
    assert compared(measure, some, none).shape == (3, 0)


@given(st.floats(1, 1e6, width=32), st.integers(1, 7))
def test_l2_is_exact_for_near_copies_far_from_the_origin(far: float, moved: int) -> None:
    row = np.full((1, DIM), far, np.float32)
    copy = row.copy()
    copy[0, moved] = np.nextafter(copy[0, moved], np.float32(np.inf))
    step = float(copy[0, moved]) - float(row[0, moved])
    assert_allclose(scores("l2", row, copy), np.float32(1 / (1 + step)), rtol=1e-7)
    assert (scores("l2", row, row) == 1).all()


@pytest.mark.parametrize("measure", FLOATS)
def test_a_row_of_zeros_gives_finite_scores(measure: Measure) -> None:
    rows = np.vstack([np.zeros(DIM), np.ones(DIM)]).astype(np.float32)
    assert np.isfinite(compared(measure, rows, rows)).all()


def test_a_row_of_zeros_is_like_nothing_under_cosine() -> None:
    rows = np.vstack([np.zeros(DIM), np.ones(DIM)]).astype(np.float32)
    assert_allclose(compared("cosine", rows, rows), [[0, 0], [0, 1]], atol=1e-6)


@given(matrices("cosine"))
def test_unit_rows_have_length_one_or_are_zero(rows: Features) -> None:
    lengths = np.linalg.norm(unit(rows), axis=1)
    assert_allclose(lengths, np.any(rows != 0, axis=1).astype(float), atol=1e-6)
    assert unit(rows).dtype == np.float32


@pytest.mark.parametrize("measure", MEASURES)
def test_only_cosine_changes_vectors_before_comparing(measure: Measure) -> None:
    rows = np.full((2, DIM), 3, dtype(measure))
    unchanged = np.array_equal(normalized_for(measure, rows), rows)
    assert unchanged == (measure != "cosine")


def test_hamming_counts_the_bits_that_differ() -> None:
    query = np.array([[0b1111_0000, 0]], np.uint8)
    rows = np.array([[0b1111_0000, 0], [0b1111_0001, 0], [0b0000_1111, 255]], np.uint8)
    found = scores("hamming", query, rows)
    assert_array_equal(distances("hamming", found, 2), [[0, 1, 16]])
    assert_allclose(found, [[1, 1 - 1 / 16, 0]])


def best_of_both(table: Scores) -> list[tuple[int, int]]:
    """Mutual neighbors word for word: of equals, the first counts."""
    rows, columns = table.shape
    return [
        (i, j)
        for i in range(rows)
        for j in range(columns)
        if j == max(range(columns), key=lambda other: (table[i, other], -other))
        and i == max(range(rows), key=lambda other: (table[other, j], -other))
    ]


def told_from_the_second(table: Scores, pairs: Pairs, ratio: float) -> list[list[int]]:
    """The ratio test word for word, on distances between rows of length 1."""
    kept = []
    for i, j in pairs.tolist():
        apart = [2 - 2 * float(score) for score in table[i]]
        others = [distance for column, distance in enumerate(apart) if column != j]
        if not others or apart[j] <= ratio**2 * min(others):
            kept.append([i, j])
    return kept


@given(TABLES)
def test_mutual_neighbors_are_each_others_best(table: Scores) -> None:
    pairs = mutual_neighbors(table)
    assert pairs.shape == (len(pairs), 2)
    assert list(map(tuple, pairs.tolist())) == best_of_both(table)


@given(TABLES)
def test_no_row_has_two_mutual_neighbors_and_some_pair_is_always_there(table: Scores) -> None:
    pairs = mutual_neighbors(table)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    assert len(pairs) >= (table.size > 0), "the best score of all is mutual"


@given(arrays.arrays(np.float32, (4, 6), elements=st.floats(-1, 1, width=32), unique=True))
def test_without_ties_it_does_not_matter_which_image_asks(table: Scores) -> None:
    there, back = mutual_neighbors(table), mutual_neighbors(table.T)
    assert sorted(there.tolist()) == sorted(back[:, ::-1].tolist())


def test_an_image_matches_itself_row_by_row() -> None:
    rows = unit(np.random.default_rng(0).standard_normal((30, DIM)).astype(np.float32))
    table = scores("cosine", rows, rows)
    assert_array_equal(mutual_neighbors(table), np.stack([np.arange(30)] * 2, axis=1))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_an_empty_image_has_no_neighbors(shape: tuple[int, int]) -> None:
    table = np.empty(shape, np.float32)
    pairs = mutual_neighbors(table)
    assert pairs.shape == (0, 2)
    assert ratio_test(table, pairs, 0.8).shape == (0, 2)


@given(TABLES, st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_the_ratio_test_is_as_it_is_defined(table: Scores, ratio: float) -> None:
    pairs, before = mutual_neighbors(table), table.copy()
    assert ratio_test(table, pairs, ratio).tolist() == told_from_the_second(table, pairs, ratio)
    assert_array_equal(table, before, "the scores are left as they are")


@given(TABLES)
def test_a_stricter_ratio_keeps_no_more(table: Scores) -> None:
    pairs = mutual_neighbors(table)
    strict, mild = ratio_test(table, pairs, 0.5).tolist(), ratio_test(table, pairs, 0.9).tolist()
    assert [pair for pair in mild if pair in strict] == strict
    assert ratio_test(table, pairs, 1.0).tolist() == pairs.tolist(), "the best is never second"


def test_a_second_match_that_is_as_near_tells_nothing() -> None:
    table = np.array([[0.9, 0.9, 0.0], [0.0, 0.1, 1.0]], np.float32)
    assert ratio_test(table, mutual_neighbors(table), 0.99).tolist() == [[1, 2]]
