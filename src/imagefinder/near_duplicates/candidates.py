"""Candidates for near-duplicates: the nearest neighbors of each row, in bounded memory.

All rows are compared as int8 codes; of many rows, only those in lists near to each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.near_duplicates.int8_codes import Codes, Integers, Quantizer, products
from imagefinder.near_duplicates.inverted_lists import Indices, InvertedLists, inverted_lists
from imagefinder.near_duplicates.nearest import Nearest
from imagefinder.types import Features, Measure, Progress

_QUERIES = 512  # rows whose neighbors are sought together
_STEP = 2048  # rows compared with them at a time, so that the products stay in the cache


@dataclass(frozen=True)
class Candidates:
    """Pairs of rows that may be near-duplicates: ``rows[i]`` and ``others[i]``."""

    rows: Integers
    others: Integers
    full: Integers
    """The rows with all k candidates: there may be more."""


@dataclass(frozen=True)
class CandidateSearch:
    """Finds rows that may reach a score: some may score a little less, and a few are missed."""

    quantizer: Quantizer
    lists: InvertedLists
    least: int

    def pairs(self, k: int, progress: Progress = iter) -> Iterator[Candidates]:
        """Each row with its k best candidates, in batches."""
        blocks = [
            slice(start, min(start + _QUERIES, end))
            for begin, end in pairwise(self.lists.offsets.tolist())
            for start in range(begin, end, _QUERIES)
        ]
        with ThreadPoolExecutor(cores(), "candidates") as threads:
            yield from prefetch_map(
                threads, lambda block: self._pairs(block, k), progress(blocks), 2 * cores()
            )

    def near(self, row: Features) -> Integers:
        """All candidates of one row, ``(1, dim)``, itself included, however many."""
        codes = self.quantizer.codes(row)
        found = self._nearest(codes, self.quantizer.halves(codes), len(self.lists.rows))
        return found.best()[1]

    def _pairs(self, block: slice, k: int) -> Candidates:
        own = self.lists.rows[block]
        # each row finds itself first, or one that is equal
        found = self._nearest(self.lists.codes[block], self.lists.halves[block], k + 1)
        queries, others, full = found.best()
        rows = own[queries]
        differ = rows != others
        return Candidates(rows[differ], others[differ], own[full])

    def _nearest(self, queries: Codes, halves: Integers, k: int) -> Nearest:
        nearest = Nearest(halves + np.int32(self.least), k)
        for number, probing in self._probed(queries):
            begin, end = self.lists.offsets[number : number + 2].tolist()
            for start in range(begin, end, _STEP):
                rows = slice(start, min(start + _STEP, end))
                near = products(self.lists.codes[rows], queries[probing])
                near -= self.lists.halves[rows, None]
                nearest.add(near, probing, self.lists.rows[rows])
        return nearest

    def _probed(self, queries: Codes) -> Iterator[tuple[int, Integers]]:
        """The lists to search, with the queries that search them; first those of most queries."""
        probed: Indices = self.lists.centroids.probed(queries)
        order = np.argsort(probed, axis=None, kind="stable")
        lists, starts = np.unique(probed.ravel()[order], return_index=True)
        queries_of_list = np.split((order // probed.shape[1]).astype(np.int32), starts[1:])
        for number in sorted(range(len(lists)), key=lambda one: -len(queries_of_list[one])):
            yield int(lists[number]), queries_of_list[number]


@contextmanager
def candidate_search(
    measure: Measure, rows: Features, threshold: float, progress: Progress = iter
) -> Iterator[CandidateSearch]:
    """A search among at least one row, normalized for the measure; they may be memory-mapped."""
    quantizer = Quantizer.of(measure, rows)
    with inverted_lists(quantizer, rows, progress) as lists:
        yield CandidateSearch(quantizer, lists, quantizer.least_product(threshold))
