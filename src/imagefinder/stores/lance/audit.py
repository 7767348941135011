"""The audit of an index of vectors: what it finds for images that are not in the catalogue.

Queries that are stored are found too easily: they lie in the middle of their clusters. So the
queries are stored vectors, each moved as far as another one is from its tenth neighbor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lance
import numpy as np

from imagefinder.stores.lance.scan import compare_all, nearest_by_engine
from imagefinder.stores.lance.scope import Scope
from imagefinder.stores.lance.selection import VECTORS, as_integers, select_by_keys
from imagefinder.stores.lance.vectors import vectors_of
from imagefinder.types import Features, Keys, Measure

NEAREST = 10
"""How many of the nearest are to be found."""

_QUERIES = 200


def recall_of(scope: Scope, measure: Measure, how: Mapping[str, Any]) -> float:
    """The share of the ten nearest that the engine finds with these settings, over all queries.

    The image that a query comes from is left out. Where too few are found, a search would compare
    all; here they are missing.
    """
    keys, queries = new_queries(scope, measure)
    wanted = compare_all(scope, queries, NEAREST + 1, measure).keys.tolist()
    found = nearest_by_engine(scope, queries, NEAREST + 1, measure, how).keys.tolist()
    shares = [
        len(set(own) & set(right) - {key}) / max(1, len(set(right) - {key}))
        for key, own, right in zip(keys.tolist(), found, wanted, strict=True)
    ]
    return float(np.mean(shares))


def new_queries(scope: Scope, measure: Measure) -> tuple[Keys, Features]:
    """Vectors as new images might have them, from all over the dataset, and where they were."""
    keys, stored = _sample(scope.dataset, scope.count)
    distant = compare_all(scope, stored, NEAREST + 1, measure).keys[:, -1]
    moves = _nearest_of(scope.dataset, distant, stored) - stored
    return keys, stored + np.roll(moves, 1, axis=0)


def _sample(dataset: lance.LanceDataset, count: int) -> tuple[Keys, Features]:
    rows = int(dataset.count_rows())
    places = np.unique(np.linspace(0, rows - 1, min(_QUERIES, count)).astype(np.int64))
    found = dataset.take(places.tolist(), columns=["key", "has_vector", "vector"])
    found = found.filter(found["has_vector"])
    return as_integers(found["key"]), vectors_of(found["vector"])


def _nearest_of(dataset: lance.LanceDataset, keys: Keys, vectors: Features) -> Features:
    """For each vector, the nearest of those of one image."""
    rows = select_by_keys(dataset, ["key", "vector"], np.unique(keys).tolist(), VECTORS)
    owners, stored = as_integers(rows["key"]), vectors_of(rows["vector"])
    own = [stored[owners == key] for key in keys]
    best = [
        some[np.linalg.norm(some - vector, axis=1).argmin()]
        for some, vector in zip(own, vectors, strict=True)
    ]
    return np.array(best)
