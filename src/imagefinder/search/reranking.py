"""A second look: the images that a search found, ordered by what their local features say."""

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


@dataclass(frozen=True, eq=False)
class Looked:
    """An image looked at again."""

    key: int
    score: float
    """The share of the query's local features that match; 0 if no geometry explains them."""
    correspondences: Correspondences
    points: Points
    """Where the matches lie in it."""

    def region(self, record: Record) -> Box | None:
        """The smallest upright box around the matches, in pixels."""
        if not len(self.correspondences):
            return None
        size = np.array([record.width, record.height])
        begin = np.minimum(np.floor(self.points.min(axis=0) * size), size - 1)  # never beyond
        left, top = begin.astype(int).tolist()
        right, bottom = np.ceil(self.points.max(axis=0) * size).astype(int).tolist()
        return left, top, max(1, right - left), max(1, bottom - top)


def rerank(
    query: LocalFeatures, candidates: Sequence[int], store: Store, matcher: Matcher, k: int
) -> list[Looked]:
    """The k best; where local features tell nothing, the order of the candidates counts."""
    place = {key: place for place, key in enumerate(candidates)}
    with ThreadPoolExecutor(cores(), "match") as threads:
        look = partial(_looked, query=query, store=store, matcher=matcher)
        pages = prefetch_map(threads, look, batched(candidates, _PAGE), ahead=2 * cores())
        every: Iterator[Looked] = (looked for page in pages for looked in page)
        return nlargest(k, every, key=lambda looked: (looked.score, -place[looked.key]))


def _looked(keys: list[int], query: LocalFeatures, store: Store, matcher: Matcher) -> list[Looked]:
    found = store.local_features(keys)
    return [_compared(key, query, other, matcher) for key, other in found.items()]


def _compared(key: int, query: LocalFeatures, other: LocalFeatures, matcher: Matcher) -> Looked:
    found = matcher.match(query, other)
    score = 0.0 if found.verified is False else len(found) / max(1, len(query))
    return Looked(key, score, found, other.points[found.pairs[:, 1]])
