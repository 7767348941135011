"""K-means inverted lists (IVF) of int8 codes: neighbors are sought in the nearest lists only.

Sivic and Zisserman, "Video Google", ICCV 2003. Needs nothing beside the base installation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.mapped_file import mapped_file
from imagefinder.near_duplicates.int8_codes import BLOCK, Codes, Integers, Quantizer, products
from imagefinder.types import Features, Progress

Indices = NDArray[np.intp]

_EXACT = 30_000  # rows, up to which comparing all pairs is as fast
_PROBES = 32  # lists searched for each row
_TRAINING_ROWS = 32  # for each list
_ITERATIONS = 8
_ASSIGNED = 1024  # rows compared with all centroids at a time
_SEED = 7


@dataclass(frozen=True)
class Centroids:
    """The means of the lists, as codes with a scale of their own."""

    codes: Codes
    halves: Integers
    """Half their squared norms, in the unit of products with rows: for the nearest by distance."""

    @classmethod
    def of(cls, means: NDArray[np.float32]) -> Centroids:
        """``means``, ``(lists, width)``, of codes."""
        scale = max(float(np.abs(means).max()), 1e-30) / 127
        codes = np.rint(means / scale).astype(np.int8)
        squares = (codes.astype(np.float32) ** 2).sum(axis=1)
        return cls(codes, np.rint(squares * scale / 2).astype(np.int32))

    def nearest(self, rows: Codes) -> NDArray[np.int32]:
        """The nearest list of each row."""
        found = [
            (products(rows[start : start + _ASSIGNED], self.codes) - self.halves).argmax(axis=1)
            for start in range(0, len(rows), _ASSIGNED)
        ]
        return np.concatenate(found).astype(np.int32)

    def probed(self, rows: Codes) -> Indices:
        """The nearest lists of each row, ``(m, probes)``, in any order."""
        count = len(self.codes)
        if count <= _PROBES:
            return np.tile(np.arange(count), (len(rows), 1))
        near = products(rows, self.codes) - self.halves
        return np.argpartition(near, -_PROBES, axis=1)[:, -_PROBES:]


@dataclass(frozen=True)
class InvertedLists:
    """Codes ordered by list: those of list l are ``codes[offsets[l] : offsets[l + 1]]``."""

    codes: Codes
    halves: Integers
    rows: NDArray[np.int32]
    """The row number of each code."""
    offsets: Indices
    centroids: Centroids


@contextmanager
def inverted_lists(
    quantizer: Quantizer, rows: Features, progress: Progress
) -> Iterator[InvertedLists]:
    """Lists of at least one row, which may be memory-mapped; the codes are in a temporary file.

    Few rows are all in one list, so that the search is exact.
    """
    centroids = _trained(quantizer, rows, progress)
    starts = range(0, len(rows), BLOCK)
    lists = np.concatenate(
        [
            centroids.nearest(quantizer.codes(rows[start : start + BLOCK]))
            for start in progress(starts)
        ]
    )
    order = np.argsort(lists, kind="stable").astype(np.int32)
    with mapped_file((len(rows), quantizer.width), np.int8) as codes:
        halves = np.empty(len(rows), np.int32)
        for start in progress(starts):
            block = quantizer.codes(rows[order[start : start + BLOCK]])
            codes[start : start + BLOCK] = block
            halves[start : start + BLOCK] = quantizer.halves(block)
        sizes = np.bincount(lists, minlength=len(centroids.codes))
        yield InvertedLists(codes, halves, order, np.append(0, sizes.cumsum()), centroids)


def _trained(quantizer: Quantizer, rows: Features, progress: Progress) -> Centroids:
    """K-means by Lloyd's algorithm, on a sample."""
    if len(rows) <= _EXACT:
        return Centroids.of(np.zeros((1, quantizer.width), np.float32))
    count = 2 * isqrt(len(rows))
    rng = np.random.default_rng(_SEED)
    sample = quantizer.codes(rows[np.sort(rng.permutation(len(rows))[: count * _TRAINING_ROWS])])
    means = sample[rng.permutation(len(sample))[:count]].astype(np.float32)
    for _ in progress(range(_ITERATIONS)):
        lists = Centroids.of(means).nearest(sample)
        order = np.argsort(lists, kind="stable")
        filled, starts, sizes = np.unique(lists[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(sample[order], starts, dtype=np.int32)
        means[filled] = sums / sizes[:, None]  # an empty list stays where it is
    return Centroids.of(means)
