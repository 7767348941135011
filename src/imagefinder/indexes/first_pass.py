"""Which rows can be among the k nearest, by their codes alone.

Each row's closeness lies in an interval that its code proves. A row whose upper end is below the
k-th best lower end cannot be among the k nearest; all others are candidates.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.codes import Codes, Floats, products
from imagefinder.indexes.part import Places
from imagefinder.pipeline import cores
from imagefinder.types import Measure

_BLOCK = 4 * 2**20  # bytes of codes looked at in one step, so that all stays in the cache
_ROUNDING = 1e-5


def candidates(
    queries: Codes, rows: Codes, measure: Measure, k: int, allowed: NDArray[np.bool_] | None
) -> list[Places]:
    """For each query the rows that may be among its k nearest, among those ``allowed``."""
    step = max(1, _BLOCK // max(1, rows.numbers.shape[1]))
    blocks = [slice(start, start + step) for start in range(0, len(rows), step)]

    def swept(some: Sequence[slice]) -> list[_Candidates]:
        found = [_Candidates(k) for _ in range(len(queries))]
        for block in some:
            ends = _ends(measure, queries, rows[block], None if allowed is None else allowed[block])
            for one, low, high in zip(found, *ends, strict=True):
                one.take(block.start, low, high)
        return found

    hands = min(cores(), len(blocks))
    shares = [blocks[hand::hands] for hand in range(hands)]
    every = list(_threads(os.getpid()).map(swept, shares)) if hands > 1 else [swept(blocks)]
    return [_Candidates.settled(k, of_one) for of_one in zip(*every, strict=True)]


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

    @classmethod
    def settled(cls, k: int, several: Sequence[_Candidates]) -> Places:
        last = cls(k)
        last._raise(np.concatenate([one._best for one in several]))
        rows = np.concatenate([row for one in several for row in one._rows])
        high = np.concatenate([end for one in several for end in one._high])
        return np.sort(rows[high >= last._bar])

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


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Kept, for making them takes longer than many a search; a forked process has its own."""
    return ThreadPoolExecutor(cores(), "first-pass")
