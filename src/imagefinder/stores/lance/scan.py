"""k nearest neighbors by a scan in the engine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from imagefinder.indexes.topk import empty_neighbors, merge_top_k, pad, top_k
from imagefinder.similarity import normalized_for, scores
from imagefinder.stores.lance.failures import translating
from imagefinder.stores.lance.scope import Scope, Scopes
from imagefinder.stores.lance.selection import as_integers
from imagefinder.stores.lance.vectors import vectors_of
from imagefinder.types import Features, Keys, Measure, Neighbors

WITHOUT_INDEX: Mapping[str, Any] = MappingProxyType({"use_index": False})

_LARGE = 4  # of so many rows, one is more than the engine is asked for


class LanceScan:
    """Searches as an index does, in the dataset itself."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot", "hamming")

    def __init__(self, scopes: Scopes, measure: Measure) -> None:
        """Over the vectors of a catalogue."""
        self._scopes = scopes
        self._measure: Measure = measure

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""
        scope = self._scopes.scope(subset)
        with translating(self._scopes.table.address):
            return nearest_in(scope, query, k, self._measure)


def nearest_in(
    scope: Scope,
    query: Features,
    k: int,
    measure: Measure,
    how: Mapping[str, Any] = WITHOUT_INDEX,
) -> Neighbors:
    """The k nearest of each query; ``how`` are the engine's settings.

    The engine leaves out vectors without a direction, which have no cosine, and an index may find
    too few: then all are compared here, as they are for a large k.
    """
    most = min(k, scope.count)
    if not most:
        return empty_neighbors(len(query))
    if most * _LARGE > scope.count:
        return compare_all(scope, query, most, measure)
    lines = []
    for row in query:
        found = nearest_by_engine(scope, row[None], most, measure, how)
        if found.keys.shape[1] < most:
            found = compare_all(scope, row[None], most, measure)
        lines.append((found.keys[0], found.scores[0]))
    return pad(lines)


def nearest_by_engine(
    scope: Scope, query: Features, k: int, measure: Measure, how: Mapping[str, Any]
) -> Neighbors:
    """What the engine alone finds, which may be fewer than k."""
    lines = []
    for row in query:
        settings = {"column": "vector", "q": row, "k": k, "metric": measure, **how}
        found = _scored(scope.nearest(settings), row[None], k, measure)
        lines.append((found.keys[0], found.scores[0]))
    return pad(lines)


def compare_all(scope: Scope, query: Features, k: int, measure: Measure) -> Neighbors:
    """The same, by all vectors of the scope."""
    best = empty_neighbors(len(query))
    for rows in scope.batches():
        best = merge_top_k([best, _scored(rows, query, k, measure)], k)
    return best


def _scored(rows: pa.Table, query: Features, k: int, measure: Measure) -> Neighbors:
    """Of these rows, by scores that are the same for every kind of index."""
    vectors = normalized_for(measure, vectors_of(rows["vector"]))
    found = scores(measure, normalized_for(measure, query), vectors)
    keys = np.broadcast_to(as_integers(rows["key"]), found.shape)
    return top_k(keys, found, k)
