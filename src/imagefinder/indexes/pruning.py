"""Which rows can be among the k nearest, by their codes alone.

Each row's closeness lies in an interval that its code proves. A row whose upper end is below the
k-th best lower end cannot be among the k nearest; all others are candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.scalar_quantization import Codes, Floats, products
from imagefinder.indexes.segment import Places
from imagefinder.types import Measure

_BLOCK = 4 * 2**20  # bytes of codes looked at in one step, so that all stays in the cache
_ROUNDING = 1e-5


def candidates(
    queries: Codes, rows: Codes, measure: Measure, k: int, allowed: NDArray[np.bool_] | None
) -> list[Places]:
    """For each query the rows that may be among its k nearest, among those ``allowed``."""
    found = [_Candidates(k) for _ in range(len(queries))]
    step = max(1, _BLOCK // max(1, rows.numbers.shape[1]))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        ends = _ends(measure, queries, rows[some], None if allowed is None else allowed[some])
        for one, low, high in zip(found, *ends, strict=True):
            one.take(start, low, high)
    return [one.settled() for one in found]


class _Candidates:
    """Of one query: the rows that were not excluded yet."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._best = np.empty(0, np.float32)  # lower ends, the k best
        self._bar = np.float32(-np.inf)
        self._rows: list[Places] = []
        self._high: list[Floats] = []

    def take(self, start: int, low: Floats, high: Floats) -> None:
        self._raise(low[low > self._bar])
        reach = np.flatnonzero((high >= self._bar) & (high > -np.inf))
        self._rows.append(reach + start)
        self._high.append(high[reach])

    def settled(self) -> Places:
        rows = np.concatenate(self._rows)
        return rows[np.concatenate(self._high) >= self._bar]

    def _raise(self, low: Floats) -> None:
        best = np.concatenate([self._best, low])
        if len(best) > self._k:
            best = np.partition(best, -self._k)[-self._k :]
        self._best = best
        if len(best) == self._k:
            self._bar = best.min()


def _ends(
    measure: Measure, queries: Codes, rows: Codes, allowed: NDArray[np.bool_] | None
) -> tuple[Floats, Floats]:
    about, away = products(queries, rows)
    if measure == "l2":  # |q - x|² = |q|² - (2 q·x - |x|²)
        squares = rows.lengths * rows.lengths
        about = np.float32(2) * about - squares
        away = np.float32(2) * away + np.float32(_ROUNDING) * squares
    if allowed is not None:
        about[:, ~allowed] = -np.inf
    return about - away, about + away
