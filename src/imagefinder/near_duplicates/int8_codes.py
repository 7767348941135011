"""Vectors of any measure as int8 codes with one step, compared by integer inner products.

One step for all rows, so that a threshold is one integer and no product need be converted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, sqrt

import numkong
import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Features, Measure

Codes = NDArray[np.int8]
Integers = NDArray[np.int32]
Floats = NDArray[np.float32]

BLOCK = 4096  # rows read at a time
_MAX_CODE = 127
_LIMIT = 2**30  # beyond all products, and within 32-bit integers
_ROUNDING = 1e-5  # of 32-bit sums, relative to the squared norms


@dataclass(frozen=True)
class Quantizer:
    """How rows become codes: a row is ``mean + step * code``, and a remainder."""

    measure: Measure
    step: float
    mean: Floats
    """Of all rows, for l2; else zeros."""
    largest_norm: float
    """Of the rows, less the mean."""

    @classmethod
    def of(cls, measure: Measure, rows: Features) -> Quantizer:
        """The finest step that no row exceeds; ``rows`` may be memory-mapped."""
        mean = np.zeros(rows.shape[1], np.float32)
        if measure == "hamming":
            return cls(measure, 1.0, mean, sqrt(8 * rows.shape[1]))
        if measure == "l2" and len(rows):
            total = sum(block.sum(axis=0, dtype=np.float64) for block in blocks(rows))
            mean = np.asarray(total / len(rows), np.float32)
        largest = norm = 0.0
        for block in blocks(rows):
            near = block - mean
            largest = max(largest, float(np.abs(near).max()))
            norm = max(norm, float(np.linalg.norm(near, axis=1).max()))
        return cls(measure, max(largest, 1e-30) / _MAX_CODE, mean, norm)

    @property
    def width(self) -> int:
        """Columns of the codes."""
        return len(self.mean) * (8 if self.measure == "hamming" else 1)

    def codes(self, rows: Features) -> Codes:
        """``(m, dim)``; for packed bits ``(m, 8 * dim)`` of -1 and 1."""
        if self.measure == "hamming":
            return np.asarray(np.unpackbits(rows, axis=1).astype(np.int8) * np.int8(2) - np.int8(1))
        codes: Codes = np.rint((rows - self.mean) / np.float32(self.step)).astype(np.int8)
        return codes

    def halves(self, codes: Codes) -> Integers:
        """Half the squared norms, ``(m,)``, which turn products into distances; 0 if not l2."""
        if self.measure != "l2":
            return np.zeros(len(codes), np.int32)
        return np.asarray((codes.astype(np.int32) ** 2).sum(axis=1) // 2, np.int32)

    def least_product(self, threshold: float) -> int:
        """At most the products, less both halves, of pairs that score at least ``threshold``.

        The remainders of two rows, each at most r long, change a distance by 2 r at most, and a
        product by r times their norms; in many dimensions they hardly ever add up to 6 standard
        deviations of rounding errors that are independent.
        """
        if self.measure == "hamming":  # integers: exact
            return _bounded(ceil(self.width * (2 * threshold - 1) - 0.5))
        remainder = self.step / 2 * sqrt(self.width) * (1 + _ROUNDING)
        rounding = _ROUNDING * self.largest_norm**2
        if self.measure == "l2":
            distance = 1 / max(threshold, 1e-6) - 1 + 2 * remainder
            return _bounded(floor(-(distance**2 / 2 + rounding) / self.step**2) - 1)
        slack = remainder * (2 * self.largest_norm + remainder)
        likely = 6 * self.step / sqrt(12) * sqrt(2) * self.largest_norm
        return _bounded(floor((threshold - min(slack, likely) - rounding) / self.step**2))


def blocks(rows: Features) -> Iterator[Features]:
    """All rows, some at a time."""
    return (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))


def products(rows: Codes, queries: Codes) -> Integers:
    """Inner products of every row with every query, ``(n, m)``."""
    return np.asarray(numkong.dots_packed(rows, numkong.dots_pack(queries)))


def _bounded(value: float) -> int:
    return int(min(max(value, -_LIMIT), _LIMIT))
