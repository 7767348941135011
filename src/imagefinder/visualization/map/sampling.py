"""Random sampling of a catalogue's images, and one vector for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.encoders.regions import whole_rows
from imagefinder.images.stored_files import any_exists
from imagefinder.similarity import normalized_for
from imagefinder.types import Features, Keys, Measure, Record, Store
from imagefinder.visualization.map.projection import Vectors

_BATCH = 1000  # records read from the store at a time


@dataclass(frozen=True)
class MapSample:
    """Images in the order of their ids."""

    records: tuple[Record, ...]
    total: int
    """How many the catalogue holds."""
    missing: int
    """How many more were drawn, but have no file to show."""


def draw_sample(store: Store, limit: int, seed: int = 0) -> MapSample:
    """At most ``limit`` images that have a file; all of them if there are no more."""
    keys = _random_keys(store, limit, seed).tolist()
    stored = [record for batch in batched(keys, _BATCH) for record in store.get(batch).values()]
    records = tuple(record for record in stored if any_exists(record))
    return MapSample(records, len(store), len(stored) - len(records))


def mean_vectors(store: Store, records: Sequence[Record]) -> Vectors:
    """One vector per image, ``(n, dim)``, whose Euclidean distances order as the scores do.

    Bits become the numbers 0 and 1. It is that of the whole image if there are regions, and the
    mean of other vectors; all 0 for an image without any, or one that has just been removed.
    """
    measure, dim = store.recipe.measure, store.recipe.dim
    vectors = np.zeros((len(records), dim * (8 if measure == "hamming" else 1)), np.float32)
    for batch in batched(zip(vectors, records, strict=True), _BATCH):
        stored = store.features_of([record.key for _, record in batch])
        for vector, record in batch:
            features = whole_rows(store.recipe, stored.get(record.key, vectors[:0]))
            if len(features):
                vector[:] = _as_float(measure, features).mean(axis=0)
    return vectors


def _random_keys(store: Store, limit: int, seed: int) -> Keys:
    """Keys are hashes, so that a run of them is a random sample; ``seed`` decides where it starts.

    A run that reaches the largest key goes on from the smallest.
    """
    start = int(np.random.default_rng(seed).integers(2**63 - 1))
    run = store.select(after=start, limit=limit)
    if len(run) < limit:
        rest = store.select(limit=limit - len(run))
        run = np.concatenate([rest[rest <= start], run])
    return np.sort(run)


def _as_float(measure: Measure, features: Features) -> Vectors:
    if measure == "hamming":
        return np.unpackbits(features, axis=1).astype(np.float32)
    return normalized_for(measure, features)
