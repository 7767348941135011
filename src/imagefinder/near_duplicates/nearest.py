"""The k best candidates of a block of queries, chosen while they are found."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from imagefinder.near_duplicates.int8_codes import Integers

Found: TypeAlias = tuple[Integers, Integers, Integers]
"""Of each candidate: the number of its query, its row, its product."""

_WAITING = 8  # candidates per place that wait before the best of them are chosen


class Nearest:
    """Of each query the k candidates with the largest products; of equal ones any."""

    def __init__(self, least: Integers, k: int) -> None:
        """``least`` is the smallest product that counts, for each query."""
        self._least = least
        self._k = k
        self._found: list[Found] = []
        self._waiting = 0

    def add(self, products: Integers, queries: Integers, rows: Integers) -> None:
        """Products of rows with some of the queries, ``(n, m)``."""
        hits = np.flatnonzero(products >= self._least[queries])
        if hits.size > _WAITING * self._k * len(queries):
            # a row among the k best of all is among the k best of these
            kth = np.partition(products, -self._k, axis=0)[-self._k]
            self._least[queries] = np.maximum(self._least[queries], kth)
            hits = np.flatnonzero(products >= self._least[queries])
        row, query = np.divmod(hits, len(queries))
        self._found.append((queries[query], rows[row], products.ravel()[hits]))
        self._waiting += hits.size
        if self._waiting > _WAITING * self._k * len(self._least):
            self.best()

    def best(self) -> tuple[Integers, Integers, Integers]:
        """The queries and rows of the best so far, and the queries that have k."""
        queries, rows, products = (
            np.concatenate([np.empty(0, np.int32), *column])
            for column in zip(*self._found, strict=True)
        )
        # by query, then by product, as one number, since that sorts several times as fast
        order = np.argsort((queries.astype(np.int64) << 32) - products)
        ranks = np.arange(len(order)) - np.searchsorted(queries[order], queries[order])
        last = order[ranks == self._k - 1]
        self._least[queries[last]] = products[last] + 1
        chosen = order[ranks < self._k]
        self._found = [(queries[chosen], rows[chosen], products[chosen])]
        self._waiting = 0
        return queries[chosen], rows[chosen], queries[last]
