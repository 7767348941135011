"""Exact candidate pruning with error bounds on int8 scores.

The quantized score of a row and its error bound give an interval that contains the exact score. A
row whose upper bound is below the k-th best lower bound cannot be among the k nearest; all others
are candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.scalar_quantization import Floats, Int8Rows, dot_products
from imagefinder.indexes.segment import RowNumbers
from imagefinder.types import Measure

_BLOCK = 4 * 2**20  # bytes of codes per step, so that they stay in the cache
_ROUNDING = 1e-5


def prune(
    queries: Int8Rows, rows: Int8Rows, measure: Measure, k: int, allowed: NDArray[np.bool_] | None
) -> list[RowNumbers]:
    """For each query the rows that may be among its k nearest, of those ``allowed``."""
    candidates = [_Candidates(k) for _ in range(len(queries))]
    step = max(1, _BLOCK // max(1, rows.codes.shape[1]))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        mask = None if allowed is None else allowed[block]
        bounds = _bounds(measure, queries, rows[block], mask)
        for one, lower, upper in zip(candidates, *bounds, strict=True):
            one.update(start, lower, upper)
    return [one.row_numbers() for one in candidates]


class _Candidates:
    """The rows that are not excluded yet, of one query."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._best_lower = np.empty(0, np.float32)  # the k best lower bounds
        self._threshold = np.float32(-np.inf)
        self._rows: list[RowNumbers] = []
        self._upper: list[Floats] = []

    def update(self, start: int, lower: Floats, upper: Floats) -> None:
        self._raise_threshold(lower[lower > self._threshold])
        remaining = np.flatnonzero((upper >= self._threshold) & (upper > -np.inf))
        self._rows.append(remaining + start)
        self._upper.append(upper[remaining])

    def row_numbers(self) -> RowNumbers:
        rows = np.concatenate(self._rows)
        return rows[np.concatenate(self._upper) >= self._threshold]

    def _raise_threshold(self, lower: Floats) -> None:
        best = np.concatenate([self._best_lower, lower])
        if len(best) > self._k:
            best = np.partition(best, -self._k)[-self._k :]
        self._best_lower = best
        if len(best) == self._k:
            self._threshold = best.min()


def _bounds(
    measure: Measure, queries: Int8Rows, rows: Int8Rows, allowed: NDArray[np.bool_] | None
) -> tuple[Floats, Floats]:
    """Lower and upper bounds, ``(m, n)``, of a quantity that grows with the score."""
    products, errors = dot_products(queries, rows)
    if measure == "l2":  # |q - x|² = |q|² - (2 q·x - |x|²)
        squares = rows.norms * rows.norms
        products = np.float32(2) * products - squares
        errors = np.float32(2) * errors + np.float32(_ROUNDING) * squares
    if allowed is not None:
        products[:, ~allowed] = -np.inf
    return products - errors, products + errors
