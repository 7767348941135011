"""Star clustering of the graph of near-duplicates, in bounded memory.

Aslam, Pelekhov and Rus, "The star clustering algorithm", 2004, with centers in the given order
instead of by degree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder.near_duplicates.candidates import CandidateSearch, candidate_search
from imagefinder.similarity import scores
from imagefinder.types import Features, Measure, Progress

Indices: TypeAlias = NDArray[np.intp]
Verifier: TypeAlias = Callable[[int, Sequence[int]], Sequence[bool]]
"""Confirms or rejects candidates: given the row of a center and the rows of its candidate
members, whether each is a near-duplicate of the center."""

Chooser: TypeAlias = Callable[[Sequence[int]], int]
"""Given the rows of a cluster, its center first, the one that should be the center."""

NEIGHBORS = 20
"""Candidates of each row, unless most of them are confirmed."""
_BLOCK = 2048  # rows between two steps of the progress
_MORE = 4  # times as many candidates, where most have been confirmed
_MOVES = 3  # of the center of one cluster
_LIMIT = 1e30  # beyond all scores, and within 32-bit floats


def star_clusters(
    measure: Measure,
    rows: Features,
    threshold: float,
    verify: Verifier | None = None,
    progress: Progress = iter,
    k: int = NEIGHBORS,
    choose: Chooser | None = None,
) -> Iterator[list[int]]:
    """Clusters of at least two rows, each with its center first; a row is in one at most.

    ``rows``, ``(n, dim)``, are normalized for the measure and come in order of preference. The
    first row becomes the center of all rows that score at least ``threshold`` against it (and that
    ``verify`` confirms), the next unassigned row the center of those left, and so on: a chain of
    rows, each similar only to the next, is no cluster. Each row has the ``k`` candidates that score
    best, and those it is a candidate of; a center that has most of them confirmed gets more. Where
    ``choose`` prefers one of a cluster's rows to its center, that becomes the center instead, of
    those that are near-duplicates of it and in no other cluster.
    ``rows`` may be memory-mapped; each of the three stages has a ``progress`` of its own.
    """
    threshold = min(max(threshold, -_LIMIT), _LIMIT)  # any number is accepted
    if not len(rows):
        return
    k = min(k, len(rows))
    with candidate_search(measure, rows, threshold, progress) as search:
        graph = _Graph.of(search, len(rows), k, progress)
        stars = _Stars(measure, rows, threshold, verify, search, k)
        for start in progress(range(0, len(rows), _BLOCK)):
            for center, candidates in graph.candidates(start, min(start + _BLOCK, len(rows))):
                if stars.is_free[center]:
                    cluster = stars.add(center, candidates, bool(graph.full[center]))
                    if choose is not None:
                        cluster = stars.centered(cluster, choose)
                    if len(cluster) > 1:
                        yield cluster


@dataclass(frozen=True)
class _Graph:
    """Which rows are candidates of which, in both directions."""

    edges: NDArray[np.int64]
    """Ascending: the lower row times the number of rows, plus the higher row."""
    full: NDArray[np.bool_]
    """The rows that may have more candidates."""

    @classmethod
    def of(cls, search: CandidateSearch, count: int, k: int, progress: Progress) -> _Graph:
        # memory is taken as it is written
        edges, used = np.empty(count * (k + 1), np.int64), 0
        full = np.zeros(count, bool)
        for found in search.pairs(k, progress):
            low = np.minimum(found.rows, found.others).astype(np.int64)
            edges[used : used + len(low)] = low * count + np.maximum(found.rows, found.others)
            used += len(low)
            full[found.full] = True
        edges[:used].sort()
        return cls(edges[:used], full)

    def candidates(self, start: int, end: int) -> Iterator[tuple[int, Indices]]:
        """The rows of a block, each with its candidates among the rows after it."""
        count = len(self.full)
        first, last = np.searchsorted(self.edges, [start * count, end * count])
        low, high = np.divmod(np.unique(self.edges[first:last]), count)
        bounds = np.searchsorted(low, np.arange(start, end + 1))
        for row in range(start, end):
            candidates = high[bounds[row - start] : bounds[row - start + 1]]
            if candidates.size or self.full[row]:
                yield row, candidates


class _Stars:
    def __init__(
        self,
        measure: Measure,
        rows: Features,
        threshold: float,
        verify: Verifier | None,
        search: CandidateSearch,
        k: int,
    ) -> None:
        self.is_free = np.ones(len(rows), bool)
        """Which rows are in no cluster."""
        self._measure, self._rows, self._threshold = measure, rows, threshold
        self._verify, self._search, self._k = verify, search, k

    def add(self, center: int, candidates: Indices, has_more: bool) -> list[int]:
        """The center and the free rows that are near-duplicates of it: now a cluster.

        If the center ``has_more`` candidates than these, more are compared while most are
        confirmed.
        """
        asked, members = self._near_duplicates(center, candidates)
        if has_more and self._grows(asked, members):
            found = self._search.near(self._rows[center : center + 1])
            left = found[(found > center) & ~np.isin(found, candidates)].astype(np.intp)
            size, grows = self._k * _MORE, True
            while left.size and grows:
                asked, more = self._near_duplicates(center, left[:size])
                members, grows = np.concatenate([members, more]), self._grows(asked, more)
                left, size = left[size:], min(size * _MORE, _BLOCK)
        return self._cluster(center, members)

    def centered(self, cluster: list[int], choose: Chooser) -> list[int]:
        """The cluster of its preferred row, which its new members may change."""
        for _ in range(_MOVES):
            best = choose(cluster) if len(cluster) > 1 else cluster[0]
            if best == cluster[0]:
                break
            cluster = self._moved(cluster, best)
        return cluster

    def _moved(self, cluster: Sequence[int], best: int) -> list[int]:
        """The best row with its own near-duplicates; others may leave the cluster."""
        self.is_free[list(cluster)] = True
        near = self._search.near(self._rows[best : best + 1]).astype(np.intp)
        near = near[self.is_free[near]][: self._k]
        _, found = self._near_duplicates(best, np.setdiff1d(np.union1d(near, cluster), [best]))
        return self._cluster(best, found)

    def _near_duplicates(self, center: int, candidates: Indices) -> tuple[Indices, Indices]:
        """The free candidates that reach the threshold, and those of them that are confirmed."""
        free = candidates[self.is_free[candidates]]
        if free.size:
            own = self._rows[center : center + 1]
            free = free[scores(self._measure, own, self._rows[free])[0] >= self._threshold]
        if self._verify is None or not free.size:
            return free, free
        return free, free[np.asarray(self._verify(center, free.tolist()), bool)]

    def _grows(self, asked: Indices, confirmed: Indices) -> bool:
        return self._verify is None or 2 * confirmed.size >= asked.size > 0

    def _cluster(self, center: int, members: Indices) -> list[int]:
        cluster = [center, *(int(member) for member in members)]
        if members.size:
            self.is_free[cluster] = False
        return cluster
