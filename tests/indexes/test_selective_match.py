"""Votes of single descriptors for aggregated rows, against the definition."""

from pathlib import Path

import numpy as np
import pytest

from imagefinder.indexes.selective_match import Matrix, SelectiveMatch
from imagefinder.similarity import unit
from imagefinder.types import Keys

WORDS, AXES = 12, 8


def rows(count: int, seed: int = 0) -> Matrix:
    rng = np.random.default_rng(seed)
    sums = rng.standard_normal((count, WORDS, AXES)).astype(np.float32)
    return unit(sums.reshape(-1, AXES)).reshape(count, WORDS * AXES)


def index_of(vectors: Matrix) -> SelectiveMatch:
    index = SelectiveMatch(WORDS, AXES)
    index.add(keys(*range(len(vectors))), vectors)
    return index


def keys(*numbers: int) -> Keys:
    return np.array(numbers, np.int64)


def query_of(vector: Matrix, words: list[int], noise: float = 0.1) -> tuple[Keys, Matrix]:
    """Descriptors near an image's own at these words, and 60 of something else."""
    rng = np.random.default_rng(9)
    own = vector.reshape(WORDS, AXES)[words]
    near = own + rng.normal(0, noise, own.shape)
    other = rng.standard_normal((60, AXES))
    places = np.concatenate([words, rng.integers(0, WORDS, 60)])
    return places, unit(np.concatenate([near, other]).astype(np.float32))


def test_the_order_is_that_of_the_sums_of_eighth_powers_of_cosines() -> None:
    vectors = rows(40)
    words, residuals = query_of(vectors[7], [1, 4])
    cosines = np.einsum("nma,ma->nm", vectors.reshape(40, WORDS, AXES)[:, words], residuals)
    wanted = np.argsort(-(np.maximum(cosines, 0) ** 8).sum(axis=1), kind="stable")
    assert index_of(vectors).shortlist(words, residuals, 40) == wanted.tolist()


def test_a_few_of_its_parts_among_many_others_find_an_image() -> None:
    vectors = rows(300)
    for number in (3, 150):
        words, residuals = query_of(vectors[number], list(range(8)))
        assert index_of(vectors).shortlist(words, residuals, 1) == [number]


def test_removed_images_and_those_outside_a_subset_are_left_out() -> None:
    vectors = rows(30)
    index = index_of(vectors)
    query = query_of(vectors[5], list(range(WORDS)))
    assert index.shortlist(*query, 30, subset=keys(9, 5, 77)) == [5, 9]
    index.remove(keys(5))
    assert set(index.shortlist(*query, 40)) == set(range(30)) - {5}
    assert index.shortlist(*query, 3, subset=keys(5)) == []


@pytest.mark.parametrize("count", [0, 1])
def test_few_images_and_no_descriptors_are_no_error(count: int) -> None:
    none = np.empty(0, np.intp), np.empty((0, AXES), np.float32)
    assert index_of(rows(count)).shortlist(*none, 5) == list(range(count))


def test_a_saved_index_votes_the_same_and_keeps_no_codes(tmp_path: Path) -> None:
    vectors = np.tile(rows(500), (24, 1))[:12_000]  # of a size at which other indexes keep codes
    index = index_of(vectors)
    query = query_of(vectors[11], list(range(6)))
    found = index.shortlist(*query, 50)
    index.save(tmp_path / "index")
    assert (tmp_path / "index").stat().st_size < 1.05 * vectors.nbytes
    again = SelectiveMatch(WORDS, AXES)
    again.load(tmp_path / "index")
    assert again.shortlist(*query, 50) == found
