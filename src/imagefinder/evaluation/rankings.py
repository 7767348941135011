"""What a finder finds for questions: whole rankings, as its ``search`` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.errors import ImageError, NotFound
from imagefinder.evaluation.ground_truth import Question
from imagefinder.finder import Finder
from imagefinder.search.query import QueryBuilder
from imagefinder.types import Failure, Features, Keys, Matcher, Measure

_LEAST = 100  # rows that `search` asks for, however few are wanted
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Ranked:
    """The images found for a question, best first, without the query itself."""

    question: Question
    keys: Keys
    scores: NDArray[np.float32]
    own: int
    """The place, from 0, at which the query itself was found; -1 if it was not."""


@dataclass(frozen=True)
class Rankings:
    """Searches by a finder, ``depth`` places deep."""

    finder: Finder
    depth: int
    measures: Sequence[Measure] = ()
    rerank: str | Matcher | None = None

    def __call__(self, questions: Sequence[Question]) -> list[Ranked | Failure]:
        """One for each question, in order; failures for images that cannot be used.

        Those with one row are compared with all images in one step, where the index does best.
        What ``search`` does beyond that (votes of many rows, fusing, a second look) is left to it.
        """
        with ThreadPoolExecutor(cores(), "query") as threads:
            rows = list(prefetch_map(threads, self._row, questions, ahead=2 * cores()))
            answers = self._nearest(questions, rows)
            left = [one for one, found in zip(questions, answers, strict=True) if found is None]
            searched = prefetch_map(threads, self._searched, left, ahead=2 * cores())
            return [next(searched) if found is None else found for found in answers]

    def _row(self, question: Question) -> Features | Failure | None:
        """The one row to search with, or nothing if there is more to it."""
        if self.rerank is not None or len(self.measures) > 1:
            return None
        try:
            features = QueryBuilder(self.finder).query(_given(question)).features
        except (ImageError, NotFound) as error:
            return _failure(question, error)
        return features if len(features) == 1 else None

    def _nearest(
        self, questions: Sequence[Question], rows: Sequence[Features | Failure | None]
    ) -> list[Ranked | Failure | None]:
        """Those of one row, and failures; nothing where ``search`` has more to do."""
        answers: list[Ranked | Failure | None]
        answers = [row if isinstance(row, Failure) else None for row in rows]
        single = {n: row for n, row in enumerate(rows) if isinstance(row, np.ndarray)}
        if single:
            measure = self.measures[0] if self.measures else None
            queries = np.concatenate(list(single.values()))
            found = self.finder.store.search(queries, max(self.depth + 1, _LEAST), measure)
            for n, keys, scores in zip(single, found.keys, found.scores, strict=True):
                there = keys >= 0
                # an image of several rows may be found several times, and others not at all
                if len(np.unique(keys[there])) == there.sum():
                    answers[n] = self._ranked(questions[n], keys[there], scores[there])
        return answers

    def _searched(self, question: Question) -> Ranked | Failure:
        try:
            hits = self.finder.search(
                _given(question), self.depth + 1, measures=self.measures, rerank=self.rerank
            )
        except (ImageError, NotFound) as error:
            return _failure(question, error)
        keys = np.array([hit.record.key for hit in hits], np.int64)
        return self._ranked(question, keys, np.array([hit.score for hit in hits], np.float32))

    def _ranked(self, question: Question, keys: Keys, scores: NDArray[np.float32]) -> Ranked:
        itself = keys == question.key
        # a stored image finds itself before others that score the same
        better = scores > scores[itself].max(initial=-np.inf) + _ROUNDING
        own = int(better.sum()) if itself.any() else -1
        others = ~itself
        return Ranked(question, keys[others][: self.depth], scores[others][: self.depth], own)


def _given(question: Question) -> str:
    return f"{question.key:016x}" if question.key is not None else str(question.path)


def _failure(question: Question, error: Exception) -> Failure:
    given = _given(question)
    return Failure(given, str(error).removeprefix(f"{given}: "))
