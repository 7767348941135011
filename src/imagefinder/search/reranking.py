"""Re-ranking: candidates in the order of their local-feature correspondences with the query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from heapq import nlargest

import numpy as np

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.types import Box, Correspondences, LocalFeatures, Matcher, Points, Record, Store

_PAGE = 16  # images compared in one step
_FEWEST = 50  # keypoints: of fewer, some agree by chance


@dataclass(frozen=True, eq=False)
class Candidate:
    """An image that was compared with the query by local features."""

    key: int
    score: float
    """The fraction of keypoints with a correspondence, in the image that has fewer; 0 if wrong.

    Wrong is what a matcher has not verified. So an image that is wholly inside the query comes
    before those that show one of its things among others.
    """
    correspondences: Correspondences
    points: Points
    """The positions of the correspondences in it."""

    def region(self, record: Record) -> Box | None:
        """The bounding box of the correspondences, in pixels."""
        if not len(self.correspondences):
            return None
        size = np.array([record.width, record.height])
        begin = np.minimum(np.floor(self.points.min(axis=0) * size), size - 1)  # never beyond
        left, top = begin.astype(int).tolist()
        right, bottom = np.ceil(self.points.max(axis=0) * size).astype(int).tolist()
        return left, top, max(1, right - left), max(1, bottom - top)


def rerank(
    query: LocalFeatures, candidates: Sequence[int], store: Store, matcher: Matcher, k: int
) -> list[Candidate]:
    """The k best candidates; ties keep the order in which the candidates came."""
    order = {key: number for number, key in enumerate(candidates)}
    with ThreadPoolExecutor(cores(), "match") as threads:
        compare = partial(_compared, query=query, store=store, matcher=matcher)
        pages = prefetch_map(threads, compare, batched(candidates, _PAGE), ahead=2 * cores())
        every: Iterator[Candidate] = (candidate for page in pages for candidate in page)
        return nlargest(k, every, key=lambda one: (one.score, -order[one.key]))


def _compared(
    keys: list[int], query: LocalFeatures, store: Store, matcher: Matcher
) -> list[Candidate]:
    features = store.local_features(keys)
    return [_candidate(key, query, other, matcher) for key, other in features.items()]


def _candidate(key: int, query: LocalFeatures, other: LocalFeatures, matcher: Matcher) -> Candidate:
    found = matcher.match(query, other)
    fewest = max(_FEWEST, min(len(query), len(other)))
    score = 0.0 if found.verified is False else len(found) / fewest
    return Candidate(key, score, found, other.points[found.pairs[:, 1]])
