"""Additions, removals, searches, saves and loads in any order, against brute force."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.indexes.approximate import Approximate
from imagefinder.registry.factory import make_index
from imagefinder.registry.plugins import index_kinds, load
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Index, Keys, Measure

DIM, STEPS, FEW = 12, 150, 40
KINDS = index_kinds()


class Walk:
    """An index, and what it should hold."""

    def __init__(self, kind: str, measure: Measure, folder: Path, seed: int) -> None:
        self.kind, self.measure, self.folder = kind, measure, folder
        self.rng = np.random.default_rng(seed)
        self.index: Index = make_index(kind, DIM, measure)
        self.rows: dict[int, Features] = {}
        self.saved: dict[int, Features] | None = None
        self.found: list[float] = []

    def add(self) -> None:
        count = int(self.rng.choice([1, 5, 70, 150]))
        keys = self.rng.choice(10**6, count, replace=False)
        new = [int(key) for key in keys if int(key) not in self.rows]
        if self.measure == "hamming":
            vectors = self.rng.integers(0, 256, (len(new), DIM), np.uint8)
        else:
            vectors = self.rng.standard_normal((len(new), DIM)).astype(np.float32)
        self.index.add(np.array(new, np.int64), vectors)
        self.rows.update(zip(new, vectors, strict=True))

    def remove(self) -> None:
        """A few, many, all, or all that the saved segment covers."""
        keys = list(self.rows)
        choice = self.rng.random()
        if choice < 0.3:
            gone = keys
        elif choice < 0.5:
            gone = [key for key in keys if key in (self.saved or {})]
        else:
            gone = [key for key in keys if self.rng.random() < choice]
        self.index.remove(np.array([*gone, 10**7], np.int64))
        for key in gone:
            del self.rows[key]

    def exchange(self) -> None:
        """The same keys with each other's vectors."""
        keys = list(self.rows)
        vectors = np.array([self.rows[key] for key in keys])[::-1]
        if keys:
            self.index.remove(np.array(keys))
            self.index.add(np.array(keys), vectors)
            self.rows = dict(zip(keys, vectors, strict=True))

    def save(self) -> None:
        self.index.save(self.folder / "index")
        self.saved = dict(self.rows)

    def load(self) -> None:
        if self.saved is not None:
            self.index = make_index(self.kind, DIM, self.measure)
            self.index.load(self.folder / "index")
            self.rows = dict(self.saved)

    def search(self) -> None:
        k = int(self.rng.choice([1, 3, 10, 1000]))
        queries = int(self.rng.choice([1, 2, 5]))
        keys = np.array(sorted(self.rows), np.int64)
        assert_array_equal(self.index.keys, keys)
        subset = None
        if self.rng.random() < 0.3:
            subset = keys = self.rng.permutation(keys)[: len(keys) // 2]
        self.check(queries, k, np.sort(keys), subset)

    def check(self, count: int, k: int, keys: Keys, subset: Keys | None) -> None:
        if self.measure == "hamming":
            asked: Features = self.rng.integers(0, 256, (count, DIM), np.uint8)
        else:
            asked = self.rng.standard_normal((count, DIM)).astype(np.float32)
        neighbors = self.index.search(asked, k, subset)
        wanted = min(k, len(keys))
        assert neighbors.keys.shape == neighbors.scores.shape == (count, wanted)
        if not wanted:
            return
        held = np.array([self.rows[key] for key in keys.tolist()])
        every = scores(
            self.measure, normalized_for(self.measure, asked), normalized_for(self.measure, held)
        )
        places = np.searchsorted(keys, neighbors.keys).clip(0, len(keys) - 1)
        assert_array_equal(keys[places], neighbors.keys)
        assert_allclose(np.take_along_axis(every, places, 1), neighbors.scores, 1e-4, 1e-4)
        assert all(len(set(line)) == wanted for line in neighbors.keys.tolist())
        last = -np.sort(-every)[:, wanted - 1 : wanted]
        self.found.append(float((neighbors.scores >= last - 1e-4).mean()))


@pytest.mark.parametrize(
    ("kind", "measure"),
    [(kind, "cosine") for kind in KINDS] + [("hnsw", "hamming"), ("faiss", "l2"), ("annoy", "dot")],
)
def test_whatever_the_order_all_that_is_held_is_found_and_nothing_else(
    kind: str, measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Approximate, "min_rows", FEW)  # so that structures come and go
    walk = Walk(kind, measure, tmp_path, seed=7)
    steps = [walk.add, walk.add, walk.remove, walk.exchange, walk.save, walk.load]
    for _ in range(STEPS // 5 if kind == "kmeans" else STEPS):  # which takes longest to build
        steps[int(walk.rng.integers(len(steps)))]()
        walk.search()
    exact = not issubclass(load("indexes", kind), Approximate)
    assert np.mean(walk.found) >= (1 if exact else 0.9)
