"""Which of a catalogue's images are on a map, and what tells them apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.errors import NotFound
from imagefinder.similarity import normalized_for
from imagefinder.types import Features, Keys, Measure, Record, Store
from imagefinder.visualization.map.projection import Rows

_PAGE = 1000  # records taken from the store at a time


@dataclass(frozen=True)
class Sample:
    """Images in order of their ids."""

    records: tuple[Record, ...]
    total: int
    """How many the catalogue holds."""
    gone: int
    """How many more were drawn, but have no file to show."""


def sampled(store: Store, most: int, seed: int = 0) -> Sample:
    """At most so many images that have a file; all of them where there are no more."""
    keys = _keys(store, most, seed).tolist()
    stored = [record for page in batched(keys, _PAGE) for record in store.get(page).values()]
    records = tuple(record for record in stored if _is_there(record))
    return Sample(records, len(store), len(stored) - len(records))


def rows_of(store: Store, records: Sequence[Record]) -> Rows:
    """A row for each image, ``(n, dim)``, whose Euclidean distances order as the scores do.

    Bits become numbers, 0 and 1. An image that was seen part by part is where its parts are on
    average; one without any, or that has just been taken out, is where all numbers are 0.
    """
    measure, dim = store.recipe.measure, store.recipe.dim
    rows = np.zeros((len(records), dim * (8 if measure == "hamming" else 1)), np.float32)
    for row, record in zip(rows, records, strict=True):
        try:
            features = store.features(record.key)
        except NotFound:
            continue
        if len(features):
            row[:] = _numbers(measure, features).mean(axis=0)
    return rows


def _keys(store: Store, most: int, seed: int) -> Keys:
    """Keys are hashes, so that a run of them is a random sample; ``seed`` says where it begins."""
    begin = int(np.random.default_rng(seed).integers(2**63 - 1))
    run = store.select(after=begin, limit=most)
    if len(run) < most:  # from the smallest on
        rest = store.select(limit=most - len(run))
        run = np.concatenate([rest[rest <= begin], run])
    return np.sort(run)


def _is_there(record: Record) -> bool:
    return any(os.path.exists(file.path) for file in record.files)


def _numbers(measure: Measure, features: Features) -> Rows:
    if measure == "hamming":
        return np.unpackbits(features, axis=1).astype(np.float32)
    return normalized_for(measure, features)
