"""Index benchmark on a catalogue's own vectors: recall@k, queries per second, build time, size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.errors import ImageFinderError, NotFound
from imagefinder.registry.factory import check_index_choice, make_index
from imagefinder.registry.plugins import index_kinds
from imagefinder.types import Features, Index, IndexChoice, Neighbors, Recipe

DEPTHS = (1, 10, 100)
_QUERIES = 1000
_ALONE = 200  # queries searched one by one
_K = 10
_LEAST = 100  # images
_BATCH = 1000  # images read at a time
_MAX_PENDING = 256 * 2**20  # bytes of vectors in memory
_ROUNDING = 1e-6
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
    build_seconds: float = 0.0
    bytes: int = 0
    """Of its files."""
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

    Some images are held out of the indexes as queries. The first result is ``exact``. Raises
    NotFound for a catalogue with too few images, and PluginError for an unknown kind.
    """
    recipe = catalogue.recipe
    for choice in choices:
        check_index_choice(choice, recipe.dim, recipe.measure)
    kinds = index_kinds()
    others = choices or [IndexChoice(kind) for kind in kinds]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        held_out, seconds = _split(catalogue, queries, file)
        exact = make_index("exact", recipe.dim, recipe.measure)
        exact.load(file)
        workload = _Workload(held_out, exact.search(held_out, max(DEPTHS)), file)
        results = [_measure(IndexChoice("exact"), exact, workload, seconds)]
        results += [
            _build(choice, recipe, workload)
            for choice in others
            if choice.kind in kinds and choice.kind != "exact"
        ]
    return results


def _split(catalogue: Catalogue, queries: int, file: Path) -> tuple[Features, float]:
    """Held-out queries; all other vectors are written to ``file``, which took that many seconds."""
    keys = catalogue.store.select()
    if len(keys) < _LEAST:
        raise NotFound(f"{len(keys)} images are too few for a benchmark: add at least {_LEAST}")
    chosen = np.random.default_rng(_SEED).permutation(keys)[: min(queries, len(keys) // 10)]
    left_out = set(chosen.tolist())
    held_out, seconds = [], 0.0
    exact = make_index("exact", catalogue.recipe.dim, catalogue.recipe.measure)
    for batch in batched(catalogue.store.iter_records(), _BATCH):
        held_out += [features[:1] for record, features in batch if record.key in left_out]
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
    return np.concatenate(held_out), seconds + perf_counter() - began


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
    choice: IndexChoice, index: Index, workload: _Workload, seconds: float
) -> IndexBenchmark:
    began = perf_counter()
    found = index.search(workload.queries, max(DEPTHS))
    batch_seconds = perf_counter() - began
    alone = workload.queries[:_ALONE]
    began = perf_counter()
    for query in alone:
        index.search(query[None], _K)
    file = workload.file
    return IndexBenchmark(
        choice,
        {depth: _recall(found, workload.nearest, depth) for depth in DEPTHS},
        len(alone) / (perf_counter() - began),
        len(workload.queries) / batch_seconds,
        seconds,
        sum(one.stat().st_size for one in (file, *file.parent.glob(f"rows.{choice.kind}*"))),
    )


def _recall(found: Neighbors, nearest: Neighbors, depth: int) -> float:
    """Recall@depth, by scores: any of several vectors that tie for the last rank counts."""
    depth = min(depth, nearest.scores.shape[1])
    last = nearest.scores[:, depth - 1 : depth] - _ROUNDING
    return float((found.scores[:, :depth] >= last).mean())
