"""Index benchmark on a catalogue's own vectors: recall@k, queries per second, build time, size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.errors import ImageFinderError, NotFound
from imagefinder.registry.factory import check_index_choice, make_index
from imagefinder.registry.plugins import index_kinds
from imagefinder.types import Features, Index, IndexChoice, Keys, Neighbors, Recipe, Store

DEPTHS = (1, 10, 100)
_QUERIES = 1000
_ALONE = 200  # queries searched one by one
_K = 10
_LEAST = 100  # images
_BATCH = 1000  # images read at a time
_MAX_PENDING = 256 * 2**20  # bytes of vectors in memory
_ROUNDING = 2e-6  # of scores, which other kinds compute in another order
_SEED = 7


@dataclass(frozen=True)
class IndexBenchmark:
    """One kind of index, compared with ``exact`` on the same vectors and queries."""

    choice: IndexChoice
    recall: Mapping[int, float] = field(default_factory=dict)
    """Recall@k by k: the share of the k nearest vectors that are among the first k found."""
    queries_per_second: float = 0.0
    """One query at a time."""
    batch_per_second: float = 0.0
    """All queries at once."""
    build_seconds: float | None = None
    bytes: int | None = None
    """Of its files. Both are None for what a store answers itself."""
    failure: str = ""
    """Why it could not be measured."""


@dataclass(frozen=True)
class _Workload:
    """What every index is measured with."""

    queries: Features
    nearest: Neighbors
    """Of the queries, by exact search."""
    file: Path
    """All other vectors, as the exact index saves them."""


def benchmark_indexes(
    catalogue: Catalogue, choices: Sequence[IndexChoice] = (), queries: int = _QUERIES
) -> list[IndexBenchmark]:
    """Measure kinds of index on a catalogue's own vectors; by default all that are installed.

    Some images are held out of the indexes as queries. What a store answers itself holds all
    images; it is measured as it was built, if the catalogue is searched by it. The first result is
    ``exact``. Raises NotFound for a catalogue with too few images, and PluginError for an unknown
    kind.
    """
    recipe = catalogue.recipe
    for choice in choices:
        check_index_choice(choice, recipe.dim, recipe.measure)
    kinds = index_kinds()
    own = catalogue.store.index
    others = choices or [*map(IndexChoice, kinds), *([own] if own.kind not in kinds else [])]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        keys, held_out, seconds = _split(catalogue, queries, file)
        exact = make_index("exact", recipe.dim, recipe.measure)
        exact.load(file)
        workload = _Workload(held_out, exact.search(held_out, max(DEPTHS)), file)
        results = [_measure(IndexChoice("exact"), exact, workload, seconds)]
        results += [
            _build(choice, recipe, workload)
            for choice in others
            if choice.kind in kinds and choice.kind != "exact"
        ]
        if answered := [choice for choice in others if choice.kind not in kinds]:
            exact.add(keys, held_out)
            whole = _Workload(held_out, exact.search(held_out, max(DEPTHS)), file)
            results += [_measure_store(choice, catalogue.store, whole) for choice in answered]
    return results


def _measure_store(choice: IndexChoice, store: Store, workload: _Workload) -> IndexBenchmark:
    """Of a kind that the store answers itself; how long it was built, and its size, are unknown."""
    if choice.kind != store.index.kind or choice.options not in ({}, store.index.options):
        command = f"imagefinder index build {choice.kind}"
        return IndexBenchmark(choice, failure=f"the catalogue is not searched by it: {command}")
    return _measure(store.index, store, workload)


def _split(catalogue: Catalogue, queries: int, file: Path) -> tuple[Keys, Features, float]:
    """Held-out queries; all other vectors are written to ``file``, which took that many seconds."""
    keys = catalogue.store.select()
    if len(keys) < _LEAST:
        raise NotFound(f"{len(keys)} images are too few for a benchmark: add at least {_LEAST}")
    chosen = np.random.default_rng(_SEED).permutation(keys)[: min(queries, len(keys) // 10)]
    left_out = set(chosen.tolist())
    owners_held_out, held_out, seconds = [], [], 0.0
    exact = make_index("exact", catalogue.recipe.dim, catalogue.recipe.measure)
    for batch in batched(catalogue.store.iter_records(), _BATCH):
        for record, features in batch:
            if record.key in left_out and len(features):
                owners_held_out.append(record.key)
                held_out.append(features[:1])
        indexed = [(record.key, rows) for record, rows in batch if record.key not in left_out]
        if not indexed:
            continue
        began = perf_counter()
        owners = np.repeat([key for key, _ in indexed], [len(features) for _, features in indexed])
        exact.add(owners, np.concatenate([features for _, features in indexed]))
        if exact.pending_bytes > max(_MAX_PENDING, exact.saved_bytes):
            exact.save(file)
        seconds += perf_counter() - began
    began = perf_counter()
    exact.save(file)
    keys = np.array(owners_held_out, np.int64)
    return keys, np.concatenate(held_out), seconds + perf_counter() - began


def _build(choice: IndexChoice, recipe: Recipe, workload: _Workload) -> IndexBenchmark:
    try:
        index = make_index(choice.kind, recipe.dim, recipe.measure, choice.options)
        began = perf_counter()
        index.load(workload.file)  # it finds no structure for the vectors, and builds one
        seconds = perf_counter() - began
    except ImageFinderError as error:
        return IndexBenchmark(choice, failure=str(error))
    return _measure(choice, index, workload, seconds)


def _measure(
    choice: IndexChoice, index: Index | Store, workload: _Workload, seconds: float | None = None
) -> IndexBenchmark:
    began = perf_counter()
    found = index.search(workload.queries, max(DEPTHS))
    batch_seconds = perf_counter() - began
    alone = workload.queries[:_ALONE]
    began = perf_counter()
    for query in alone:
        index.search(query[None], _K)
    return IndexBenchmark(
        choice,
        {depth: float(recall_of_each(found, workload.nearest, depth).mean()) for depth in DEPTHS},
        len(alone) / (perf_counter() - began),
        len(workload.queries) / batch_seconds,
        seconds,
        None if seconds is None else _size(choice.kind, workload.file),
    )


def _size(kind: str, file: Path) -> int:
    return sum(one.stat().st_size for one in (file, *file.parent.glob(f"rows.{kind}*")))


def recall_of_each(found: Neighbors, nearest: Neighbors, depth: int) -> NDArray[np.float64]:
    """Recall@depth of each query, by scores: any of vectors that tie for the last rank counts."""
    depth = min(depth, nearest.scores.shape[1])
    last = nearest.scores[:, depth - 1 : depth] - _ROUNDING
    reached = (found.scores[:, :depth] >= last).sum(axis=1)
    shares: NDArray[np.float64] = reached / depth  # also where fewer were found
    return shares
