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

NEIGHBORS = 20
"""Candidates of each row, unless most of them are confirmed."""
_BLOCK = 2048  # rows between two steps of the progress
_MORE = 4  # times as many candidates, where most have been confirmed
_LIMIT = 1e30  # beyond all scores, and within 32-bit floats


def star_clusters(
    measure: Measure,
    rows: Features,
    threshold: float,
    verify: Verifier | None = None,
    progress: Progress = iter,
    k: int = NEIGHBORS,
) -> Indices:
    """The center of the cluster of each row, ``(n,)``: the row itself, or one before it.

    ``rows``, ``(n, dim)``, are normalized for the measure and come in order of preference. The
    first row becomes the center of all rows that score at least ``threshold`` against it (and that
    ``verify`` confirms), the next unassigned row the center of those left, and so on: a chain of
    rows, each similar only to the next, is no cluster. Each row has the ``k`` candidates that score
    best, and those it is a candidate of; a center that has most of them confirmed gets more.
    ``rows`` may be memory-mapped; each of the three stages has a ``progress`` of its own.
    """
    threshold = min(max(threshold, -_LIMIT), _LIMIT)  # any number is accepted
    if not len(rows):
        return np.arange(0)
    k = min(k, len(rows))
    with candidate_search(measure, rows, threshold, progress) as search:
        graph = _Graph.of(search, len(rows), k, progress)
        stars = _Stars(measure, rows, threshold, verify, np.arange(len(rows)))
        for start in progress(range(0, len(rows), _BLOCK)):
            for center, candidates in graph.candidates(start, min(start + _BLOCK, len(rows))):
                if stars.centers[center] == center:
                    grows = stars.add(center, candidates)
                    if grows and graph.full[center]:
                        stars.add_more(center, candidates, search, k * _MORE)
    return stars.centers


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


@dataclass(frozen=True)
class _Stars:
    measure: Measure
    rows: Features
    threshold: float
    verify: Verifier | None
    centers: Indices

    def add(self, center: int, candidates: Indices) -> bool:
        """Assign those that are near-duplicates of the center; whether there may well be more."""
        members = candidates[self.centers[candidates] == candidates]
        if members.size:
            own = self.rows[center : center + 1]
            members = members[scores(self.measure, own, self.rows[members])[0] >= self.threshold]
        confirmed = members
        if self.verify is not None and members.size:
            confirmed = members[np.asarray(self.verify(center, members.tolist()), bool)]
        self.centers[confirmed] = center
        return self.verify is None or 2 * confirmed.size >= members.size > 0

    def add_more(self, center: int, asked: Indices, search: CandidateSearch, size: int) -> None:
        """Assign near-duplicates beyond those asked about, best first, while most are confirmed."""
        found = search.near(self.rows[center : center + 1])
        left = found[(found > center) & ~np.isin(found, asked)].astype(np.intp)
        while left.size and self.add(center, left[:size]):
            left = left[size:]
            size = min(size * _MORE, _BLOCK)
