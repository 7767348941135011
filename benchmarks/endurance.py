"""Randomized index test: thousands of operations compared with a NumPy model, then corruption.

    python -m benchmarks.endurance [--steps 10000] [--kind KIND ...] [--seed 7]

For each kind of index, random additions, removals and searches run on a catalogue and on plain
arrays, and the results are compared. Then each file that the index saved is truncated, emptied,
removed, or changed by one byte: the next search must have the same results, and nothing may be
lost.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.ingest import processor
from imagefinder.indexes.approximate import Approximate
from imagefinder.registry.plugins import index_kinds, load
from imagefinder.similarity import normalized_for, scores
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.types import Entry, File, IndexChoice, Keys, Recipe, Record, key_of

_DIM = 32
_GROUPS = 200
_K = 10
_FIRST = 3000  # images, so that there is something to build of
_ROUNDING = 1e-5


class Model:
    """What the catalogue should contain."""

    def __init__(self, seed: int) -> None:
        """Empty; all randomness comes from ``seed``."""
        self.rng = np.random.default_rng(seed)
        self.middles = self.rng.standard_normal((_GROUPS, _DIM))
        self.rows: dict[int, NDArray[np.float32]] = {}
        self.made = 0

    def some(self, count: int) -> NDArray[np.float32]:
        """Clustered vectors, as those of images are."""
        away = 0.4 * self.rng.standard_normal((count, _DIM))
        return (self.middles[self.rng.integers(_GROUPS, size=count)] + away).astype(np.float32)

    def entries(self, count: int) -> list[Entry]:
        """New images, recorded in the model."""
        entries = []
        for row in self.some(count):
            self.made += 1
            sha256 = hashlib.sha256(str(self.made).encode()).digest()
            files = (File(f"/images/{self.made}", 1),)
            record = Record(key_of(sha256), sha256, size=1, width=1, height=1, files=files)
            self.rows[record.key] = row
            entries.append(Entry(record, row[None]))
        return entries

    def gone(self, count: int) -> list[int]:
        """Keys of images to remove, taken out of the model."""
        keys: list[int] = self.rng.permutation(list(self.rows))[:count].tolist()
        for key in keys:
            del self.rows[key]
        return keys

    def recall(self, store: SqliteStore, queries: int, subset: Keys | None = None) -> float:
        """Recall of a search; wrong scores raise AssertionError."""
        vectors = self.some(queries)
        keys = np.array(sorted(self.rows) if subset is None else sorted(set(subset.tolist())))
        rows = np.array([self.rows[key] for key in keys.tolist()])
        every = scores("cosine", normalized_for("cosine", vectors), normalized_for("cosine", rows))
        found = store.search(vectors, _K, None, subset)
        wanted = min(_K, len(keys))
        assert found.keys.shape == (queries, wanted), "fewer than k hits"
        places = np.searchsorted(keys, found.keys)
        assert (keys[places.clip(0, len(keys) - 1)] == found.keys).all(), "a removed image is found"
        own = np.take_along_axis(every, places, axis=1)
        assert np.allclose(own, found.scores, atol=_ROUNDING), "a score is wrong"
        last = np.sort(every, axis=1)[:, -wanted][:, None]
        return float((found.scores >= last - _ROUNDING).mean())


def main() -> None:
    """Test each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--kind", action="append")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    SyncedIndex.save_from = 64 * 1024  # so that it is saved, and grows, often
    print(f"{processor()}; {given.steps} steps, seed {given.seed}")
    for kind in given.kind or index_kinds("sqlite"):
        with TemporaryDirectory() as folder:
            _tried(kind, Path(folder) / "c.db", given.steps, given.seed)


def _tried(kind: str, path: Path, steps: int, seed: int) -> None:
    began = perf_counter()
    model = Model(seed)
    choice = IndexChoice(kind)
    store = SqliteStore.create(path, Recipe("model", {}, _DIM, "cosine"), choice)
    store.write(model.entries(_FIRST))
    recalls = list(_worked(model, store, steps))
    exact = not issubclass(load("indexes", kind), Approximate)
    wanted = 1.0 if exact else 0.95
    print(f"{kind}: {len(model.rows)} left, recall {np.mean(recalls):.4f}, worst search", end=" ")
    print(f"{min(recalls):.2f}; {perf_counter() - began:.0f} s")
    assert np.mean(recalls) >= wanted, f"below {wanted}"
    store.close()
    damaged = 0
    for spoil in (_cut, _emptied, _removed, _flipped):
        for place in range(len(_saved_files(path))):
            file = _saved_files(path)[place]  # each rebuild gives the data files new names
            spoil(file)
            again = SqliteStore.open(path, choice)
            assert model.recall(again, 50) >= wanted, f"{file.name} {spoil.__name__}"
            assert again.select().tolist() == sorted(model.rows), "something is lost"
            again.close()
            damaged += 1
    print(f"  {damaged} times a file was damaged, and rebuilt")


def _saved_files(catalogue: Path) -> list[Path]:
    return sorted(catalogue.parent.glob(f"{catalogue.name}.*"))


def _worked(model: Model, store: SqliteStore, steps: int) -> Iterator[float]:
    for _ in range(steps):
        turn = model.rng.random()
        if turn < 0.3:
            store.write(model.entries(int(model.rng.integers(1, 4))))
        elif turn < 0.5:
            store.remove_images(model.gone(int(model.rng.integers(1, 4))))
        elif turn < 0.9:
            yield model.recall(store, 1)
        else:
            some = model.rng.permutation(list(model.rows))[: int(model.rng.integers(1, 400))]
            assert model.recall(store, 1, some) == 1, "a filtered search is not exhaustive"


def _cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _removed(file: Path) -> None:
    file.unlink()


def _flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 0x10
    file.write_bytes(data)


if __name__ == "__main__":
    main()
