"""Batch retrieval: whole rankings for many queries, as the finder's own ``search`` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.errors import ImageError, NotFound
from imagefinder.evaluation.ground_truth import EvalQuery
from imagefinder.finder import Finder
from imagefinder.search.query import QueryBuilder
from imagefinder.types import Failure, Features, Keys, Matcher, Measure, id_of

_LEAST = 100  # neighbors that `search` asks for, however few are wanted
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class RankedList:
    """The hits of a query, best first, without the query itself."""

    query: EvalQuery
    keys: Keys
    scores: NDArray[np.float32]
    own_position: int
    """The position, from 0, at which the query itself was found; -1 if it was not."""


Retrieved: TypeAlias = RankedList | Failure


@dataclass(frozen=True)
class BatchRetriever:
    """Searches ``depth`` ranks deep."""

    finder: Finder
    depth: int
    measures: Sequence[Measure] = ()
    rerank: str | Matcher | None = None

    def __call__(self, queries: Sequence[EvalQuery]) -> list[Retrieved]:
        """One for each query, in order; failures for images that cannot be used.

        Queries with a single vector are compared with all images in one step, which is where the
        index is fastest. All others (several vectors, fusion, re-ranking) go through ``search``.
        """
        with ThreadPoolExecutor(cores(), "query") as threads:
            vectors = list(prefetch_map(threads, self._vector, queries, ahead=2 * cores()))
            results = self._nearest(queries, vectors)
            remaining = [one for one, found in zip(queries, results, strict=True) if found is None]
            searched = prefetch_map(threads, self._searched, remaining, ahead=2 * cores())
            return [next(searched) if found is None else found for found in results]

    def _vector(self, query: EvalQuery) -> Features | Failure | None:
        """The single vector to search with, or None if the search takes more than that."""
        if self.rerank is not None or len(self.measures) > 1:
            return None
        try:
            features = QueryBuilder(self.finder, signature=False).query(_given(query)).features
        except (ImageError, NotFound) as error:
            return failure_of(query, str(error))
        return features if len(features) == 1 else None

    def _nearest(
        self, queries: Sequence[EvalQuery], vectors: Sequence[Features | Failure | None]
    ) -> list[Retrieved | None]:
        """Rankings for single vectors, and failures; None for what is left to ``search``."""
        results: list[Retrieved | None]
        results = [one if isinstance(one, Failure) else None for one in vectors]
        single = {n: one for n, one in enumerate(vectors) if isinstance(one, np.ndarray)}
        if not single:
            return results
        measure = self.measures[0] if self.measures else None
        rows = np.concatenate(list(single.values()))
        found = self.finder.store.search(rows, max(self.depth + 1, _LEAST), measure)
        for n, keys, scores in zip(single, found.keys, found.scores, strict=True):
            found_keys = keys >= 0
            # an image with several vectors may be found several times, and others not at all
            if len(np.unique(keys[found_keys])) == found_keys.sum():
                results[n] = self._ranked_list(queries[n], keys[found_keys], scores[found_keys])
        return results

    def _searched(self, query: EvalQuery) -> Retrieved:
        try:
            hits = self.finder.search(
                _given(query), self.depth + 1, measures=self.measures, rerank=self.rerank
            )
        except (ImageError, NotFound) as error:
            return failure_of(query, str(error))
        keys = np.array([hit.record.key for hit in hits], np.int64)
        return self._ranked_list(query, keys, np.array([hit.score for hit in hits], np.float32))

    def _ranked_list(self, query: EvalQuery, keys: Keys, scores: NDArray[np.float32]) -> RankedList:
        own = keys == query.key
        # a stored image finds itself before others with the same score
        better = scores > scores[own].max(initial=-np.inf) + _ROUNDING
        position = int(better.sum()) if own.any() else -1
        return RankedList(query, keys[~own][: self.depth], scores[~own][: self.depth], position)


def _given(query: EvalQuery) -> str:
    return id_of(query.key) if query.key is not None else str(query.path)


def failure_of(query: EvalQuery, reason: str) -> Failure:
    """A query that cannot be used."""
    given = _given(query)
    return Failure(given, reason.removeprefix(f"{given}: "))
