"""Star clustering of the thresholded similarity graph, block by block in bounded memory.

Aslam, Pelekhov and Rus, "The star clustering algorithm", 2004, with centers in the given order
instead of by degree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import scores
from imagefinder.types import Features, Measure, Progress

Matrix: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.intp]
Verifier: TypeAlias = Callable[[int, Sequence[int]], Sequence[bool]]
"""Confirms or rejects candidates: given the row of a center and the rows of its candidate
members, whether each is a near-duplicate of the center."""

_BLOCK = 2048  # rows and columns of one block of the similarity matrix
_LIMIT = 1e30  # beyond all scores, and within 32-bit floats
_SLACK = 1e-5  # relative to the largest product, for rounding


def star_clusters(
    measure: Measure,
    rows: Features,
    threshold: float,
    verify: Verifier | None = None,
    progress: Progress = iter,
) -> Indices:
    """The center of the cluster of each row, ``(n,)``: the row itself, or one before it.

    ``rows``, ``(n, dim)``, are normalized for the measure and come in order of preference. The
    first row becomes the center of all rows that score at least ``threshold`` against it (and that
    ``verify`` confirms), the next unassigned row the center of those left, and so on: a chain of
    rows, each similar only to the next, is no cluster. Each pair is compared at most once, block by
    block, as a matrix product; ``rows`` may be memory-mapped.
    """
    factors = _Factors.of(measure, rows)
    threshold = min(max(threshold, -_LIMIT), _LIMIT)  # any number is accepted
    least = factors.least_product(threshold)
    centers = np.arange(len(rows))
    for start in progress(range(0, len(rows), _BLOCK)):
        for other in range(start, len(rows), _BLOCK):
            left, right = _unassigned(centers, start), _unassigned(centers, other)
            near = factors.left(rows[left]) @ factors.right(rows[right]).T >= least
            for line in np.flatnonzero(near.any(axis=1)):
                center = int(left[line])
                members = right[near[line]]
                members = members[(members > center) & (centers[members] == members)]
                if centers[center] != center or not members.size:
                    continue  # assigned to another center by now
                against = scores(measure, rows[center : center + 1], rows[members])[0]
                members = members[against >= threshold]
                if verify is not None and members.size:
                    members = members[np.asarray(verify(center, members.tolist()), bool)]
                centers[members] = center
    return centers


def _unassigned(centers: Indices, start: int) -> Indices:
    """The rows of a block that belong to no other center."""
    block = np.arange(start, min(start + _BLOCK, len(centers)))
    return np.asarray(block[centers[block] == block])


@dataclass(frozen=True)
class _Factors:
    """Turns scores into inner products: every pair over the threshold is over ``least_product``."""

    measure: Measure
    dim: int
    mean: Matrix
    """Of all rows, for l2: less is lost in rounding near it."""
    largest: float
    """The largest squared distance of a row from the mean."""

    @classmethod
    def of(cls, measure: Measure, rows: Features) -> _Factors:
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        mean = np.zeros(rows.shape[1], np.float32)
        if measure == "hamming":
            return cls(measure, rows.shape[1], mean, 1.0)
        if measure == "l2" and blocks:
            sums = sum(block.sum(axis=0, dtype=np.float64) for block in blocks)
            mean = np.asarray(sums / len(rows), np.float32)
        largest = max((((b - mean) ** 2).sum(axis=1).max() for b in blocks), default=1.0)
        return cls(measure, rows.shape[1], mean, max(float(largest), 1e-30))

    def least_product(self, threshold: float) -> np.float32:
        if self.measure == "hamming":  # integers: exact
            return np.float32(8 * self.dim * (2 * threshold - 1) - 0.5)
        slack = _SLACK * self.largest
        if self.measure != "l2":
            return np.float32(threshold - slack)
        distance = 1 / max(threshold, 1e-6) - 1
        return np.float32(-(distance**2) / 2 * (1 + _SLACK) - slack)

    def left(self, rows: Features) -> Matrix:
        if self.measure == "hamming":
            return np.unpackbits(rows, axis=1).astype(np.float32) * 2 - 1
        if self.measure != "l2":
            return rows
        near, half = self._halves(rows)
        return np.hstack([near, -half, np.ones_like(half)])

    def right(self, rows: Features) -> Matrix:
        if self.measure != "l2":
            return self.left(rows)
        near, half = self._halves(rows)
        return np.hstack([near, np.ones_like(half), -half])

    def _halves(self, rows: Features) -> tuple[Matrix, Matrix]:
        """The terms that make -½ ‖a - b‖² an inner product."""
        near = rows - self.mean
        return near, (near**2).sum(axis=1, keepdims=True) / 2
