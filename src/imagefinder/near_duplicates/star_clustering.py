"""Groups of rows that are alike, found among all pairs in little memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import scores
from imagefinder.types import Features, Measure, Progress

Matrix: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.intp]
Agree: TypeAlias = Callable[[int, Sequence[int]], Sequence[bool]]
"""Whether each of some rows is the same as a row, by another look at what they stand for."""

_BLOCK = 2048  # rows compared with as many others in one step
_FAR = 1e30  # beyond all scores, and within 32 bits
_SLACK = 1e-5  # of the largest product, for rounding


def stars(
    measure: Measure,
    rows: Features,
    threshold: float,
    agree: Agree | None = None,
    progress: Progress = iter,
) -> Numbers:
    """For each row, ``(n, dim)``, the head of its group, ``(n,)``: itself, or a row before it.

    Rows are ``prepared`` and come best first. The first becomes the head of all that score at least
    ``threshold`` against it (and ``agree``), the next that is left the head of what is left, and so
    on: a chain of rows, each like the next, is no group. Each pair is compared at most once, block
    by block, as a matrix product; rows may be mapped from a file.
    """
    factors = _Factors.of(measure, rows)
    threshold = min(max(threshold, -_FAR), _FAR)  # anyone may ask for any number
    least = factors.least(threshold)
    heads = np.arange(len(rows))
    for start in progress(range(0, len(rows), _BLOCK)):
        for other in range(start, len(rows), _BLOCK):
            subset = _free(heads, start)
            to = _free(heads, other)
            near = factors.left(rows[subset]) @ factors.right(rows[to]).T >= least
            for line in np.flatnonzero(near.any(axis=1)):
                head = int(subset[line])
                new = to[near[line]]
                new = new[(new > head) & (heads[new] == new)]
                if heads[head] != head or not new.size:
                    continue  # by now one is another's
                new = new[scores(measure, rows[head : head + 1], rows[new])[0] >= threshold]
                if agree is not None and new.size:
                    new = new[np.asarray(agree(head, new.tolist()), bool)]
                heads[new] = head
    return heads


def _free(heads: Numbers, start: int) -> Numbers:
    """The rows of a block that belong to none but themselves."""
    block = np.arange(start, min(start + _BLOCK, len(heads)))
    return np.asarray(block[heads[block] == block])


@dataclass(frozen=True)
class _Factors:
    """Turns scores into products: what reaches ``least`` may reach the threshold, nothing else."""

    measure: Measure
    dim: int
    centre: Matrix
    """Of all rows, for l2: near it less is lost in rounding."""
    largest: float
    """Squared length of a row, from there."""

    @classmethod
    def of(cls, measure: Measure, rows: Features) -> _Factors:
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        centre = np.zeros(rows.shape[1], np.float32)
        if measure == "hamming":
            return cls(measure, rows.shape[1], centre, 1.0)
        if measure == "l2" and blocks:
            sums = sum(block.sum(axis=0, dtype=np.float64) for block in blocks)
            centre = np.asarray(sums / len(rows), np.float32)
        largest = max((((b - centre) ** 2).sum(axis=1).max() for b in blocks), default=1.0)
        return cls(measure, rows.shape[1], centre, max(float(largest), 1e-30))

    def least(self, threshold: float) -> np.float32:
        if self.measure == "hamming":  # whole numbers: exact
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
        """What makes minus half the squared distance of two rows a product."""
        near = rows - self.centre
        return near, (near**2).sum(axis=1, keepdims=True) / 2
