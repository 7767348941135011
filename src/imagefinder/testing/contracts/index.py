"""Contract suite of indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import IndexDamaged
from imagefinder.similarity import normalized_for, scores
from imagefinder.testing.contracts.samples import SEED, random_vectors
from imagefinder.types import Features, Index, Keys, Measure

_DIM = 16
_ROWS = 300

MakeIndex = Callable[[int, Measure], Index]


def check_index(make: MakeIndex, measure: Measure, folder: Path) -> None:
    """Adds, removes, searches, saves and loads; with so few vectors every kind is exact.

    ``make`` gives a new, empty index for a dim and a measure; ``folder`` is empty.
    """
    sample = _Sample.random(measure)
    _check_empty(make, sample)
    _check_add(make, sample)
    _check_subset(make, sample)
    _check_remove(make, sample)
    _check_save_and_load(make, sample, folder / "index")
    _check_damaged_file(make, sample, folder / "damaged")


@dataclass(frozen=True)
class _Sample:
    """Vectors under keys, and queries."""

    measure: Measure
    keys: Keys
    vectors: Features
    queries: Features

    @classmethod
    def random(cls, measure: Measure) -> _Sample:
        rng = np.random.default_rng(SEED)
        vectors = random_vectors(rng, _ROWS, _DIM, measure)
        keys = rng.permutation(_ROWS).astype(np.int64)
        return cls(measure, keys, vectors, random_vectors(rng, 4, _DIM, measure))

    def index(self, make: MakeIndex) -> Index:
        """An index that holds all vectors, added in several steps."""
        index = make(_DIM, self.measure)
        for start in range(0, len(self.keys), 70):
            index.add(self.keys[start : start + 70], self.vectors[start : start + 70])
        return index

    def without(self, *keys: int) -> _Sample:
        left = ~np.isin(self.keys, keys)
        return _Sample(self.measure, self.keys[left], self.vectors[left], self.queries)

    def check_nearest(self, index: Index) -> None:
        """What brute force finds; ties in order of their keys."""
        found = index.search(self.queries, 10)
        for line, own in enumerate(self.scores()):
            order = np.lexsort((self.keys, -own))[:10]
            assert_allclose(found.scores[line], own[order], atol=1e-5, err_msg="the best scores")
            assert_array_equal(found.keys[line], self.keys[order], "ties in order of their keys")

    def scores(self) -> np.ndarray:
        queries = normalized_for(self.measure, self.queries)
        return scores(self.measure, queries, normalized_for(self.measure, self.vectors))


def _check_empty(make: MakeIndex, sample: _Sample) -> None:
    index = make(_DIM, sample.measure)
    assert index.keys.size == 0, "a new index is empty"
    assert index.search(sample.queries, 3).keys.shape == (4, 0), "an empty index finds nothing"


def _check_add(make: MakeIndex, sample: _Sample) -> None:
    index = sample.index(make)
    assert_array_equal(index.keys, np.arange(_ROWS), "keys are given once each, ascending")
    sample.check_nearest(index)


def _check_subset(make: MakeIndex, sample: _Sample) -> None:
    index = sample.index(make)
    found = index.search(sample.queries, 10, np.array([3, 5, 8, 500]))
    assert_array_equal(np.sort(found.keys), np.tile([3, 5, 8], (4, 1)), "only the subset")
    wanted = sample.scores()[:, np.isin(sample.keys, [3, 5, 8])]
    assert_allclose(np.sort(found.scores), np.sort(wanted), rtol=1e-5, atol=1e-5)
    none = index.search(sample.queries, 10, np.empty(0, np.int64))
    assert none.keys.shape == (4, 0), "nothing in an empty subset"


def _check_remove(make: MakeIndex, sample: _Sample) -> None:
    index = sample.index(make)
    index.remove(np.array([5, 17, 299, 1000]))
    sample.without(5, 17, 299).check_nearest(index)
    every = index.search(sample.queries, 1000).keys
    assert every.shape == (4, _ROWS - 3), "no more than there are"
    index.remove(index.keys)
    assert index.search(sample.queries, 3).keys.shape == (4, 0), "nothing is left to find"


def _check_save_and_load(make: MakeIndex, sample: _Sample, path: Path) -> None:
    index = sample.index(make)
    index.remove(np.array([5, 17, 299]))
    index.save(path)
    loaded = make(_DIM, sample.measure)
    loaded.load(path)
    for one in (index, loaded):
        assert one.pending_bytes == 0, "everything is saved"
        sample.without(5, 17, 299).check_nearest(one)
    removed = np.isin(sample.keys, [5, 17, 299])
    loaded.add(sample.keys[removed], sample.vectors[removed])
    loaded.remove(np.arange(10))
    sample.without(*range(10)).check_nearest(loaded)


def _check_damaged_file(make: MakeIndex, sample: _Sample, path: Path) -> None:
    index = sample.index(make)
    index.save(path)
    content = path.read_bytes()
    index = sample.index(make)
    path.write_bytes(content[:100])
    try:
        index.load(path)
    except IndexDamaged:
        sample.check_nearest(index)
    else:
        raise AssertionError("a damaged file raises IndexDamaged and changes nothing")
