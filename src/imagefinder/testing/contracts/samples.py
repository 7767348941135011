"""Random test data: vectors, records, entries."""

from __future__ import annotations

import hashlib

import numpy as np

from imagefinder.similarity import unit
from imagefinder.types import (
    Entry,
    Features,
    File,
    LocalFeatures,
    Measure,
    Record,
    Signature,
    key_of,
)

SEED = 7


def random_vectors(rng: np.random.Generator, rows: int, dim: int, measure: Measure) -> Features:
    """``(rows, dim)``: packed bits for hamming, else normally distributed numbers."""
    if measure == "hamming":
        return rng.integers(0, 256, (rows, dim), np.uint8)
    return rng.standard_normal((rows, dim)).astype(np.float32)


def random_signature(rng: np.random.Generator) -> Signature:
    """Of noise."""
    pattern, chroma = (rng.integers(-128, 128, shape, np.int8) for shape in ((64, 64), (2, 16, 16)))
    return Signature(pattern, chroma, float(rng.random()), float(rng.random()))


def random_local_features(rng: np.random.Generator, count: int, dim: int) -> LocalFeatures:
    """Anywhere in the image, with random descriptors."""
    descriptors = rng.standard_normal((count, dim)).astype(np.float32)
    return LocalFeatures(rng.random((count, 2)).astype(np.float32), unit(descriptors))


def record_of(*paths: str) -> Record:
    """An image with these paths; the first one determines its content."""
    sha256 = hashlib.sha256(paths[0].encode()).digest()
    files = tuple(File(path, 123) for path in paths)
    return Record(key_of(sha256), sha256, size=10, width=4, height=3, files=files)


def random_entries(
    count: int, dim: int, measure: Measure = "cosine", first: int = 0
) -> list[Entry]:
    """Entries numbered from ``first`` on, with random vectors; the same for the same arguments."""
    rng = np.random.default_rng([SEED, first])
    return [
        Entry(record_of(f"/random/{number}"), random_vectors(rng, 1, dim, measure))
        for number in range(first, first + count)
    ]
