"""What a finder finds for questions: whole rankings, as its ``search`` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import ImageError, NotFound
from imagefinder.evaluation.truth import Question
from imagefinder.finder import Finder
from imagefinder.ingest import Intake
from imagefinder.pipeline import cores, overlapped
from imagefinder.query import Reader
from imagefinder.types import Failure, Features, Keys, Measure, Reranker

_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Ranked:
    """The pictures found for a question, best first, without the query itself."""

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
    rerank: str | Reranker | None = None

    def __call__(self, questions: Sequence[Question]) -> list[Ranked | Failure]:
        """One for each question, in order; failures for pictures that cannot be used.

        Those with one row are compared with all pictures in one step, where the index does best.
        What ``search`` does beyond that (votes of many rows, fusing, a second look) is left to it.
        """
        with ThreadPoolExecutor(cores(), "query") as threads:
            rows = list(overlapped(threads, self._row, questions, ahead=2 * cores()))
            together = [n for n, row in enumerate(rows) if isinstance(row, np.ndarray)]
            found = dict(zip(together, self._nearest(questions, rows, together), strict=True))
            others = [n for n in range(len(rows)) if rows[n] is None or found.get(n, 0) is None]
            alone = overlapped(threads, lambda n: self._searched(questions[n]), others, cores())
            searched = dict(zip(others, alone, strict=True))
        failed = {n: row for n, row in enumerate(rows) if isinstance(row, Failure)}
        every = {**found, **searched, **failed}
        return [every[n] for n in range(len(questions))]

    def _row(self, question: Question) -> Features | Failure | None:
        """The one row to search with, or nothing if there is more to it."""
        if self.rerank is not None or len(self.measures) > 1:
            return None
        finder = self.finder
        parts = Intake(finder.store, finder.encoder, finder.extractor, finder.limits)
        try:
            features = Reader(parts).query(_given(question)).features
        except (ImageError, NotFound) as error:
            return Failure(_given(question), str(error))
        return features if len(features) == 1 else None

    def _nearest(
        self, questions: Sequence[Question], rows: Sequence[object], which: Sequence[int]
    ) -> Iterator[Ranked | None]:
        """Those of one row; nothing where the rows found are not a picture each."""
        if not which:
            return
        queries = np.concatenate([np.asarray(rows[n]) for n in which])
        measure = self.measures[0] if self.measures else None
        neighbors = self.finder.store.search(queries, self.depth + 1, measure)
        for n, keys, scores in zip(which, neighbors.keys, neighbors.scores, strict=True):
            there = keys >= 0
            single = len(np.unique(keys[there])) == there.sum()
            yield self._ranked(questions[n], keys[there], scores[there]) if single else None

    def _searched(self, question: Question) -> Ranked | Failure:
        try:
            hits = self.finder.search(
                _given(question), self.depth + 1, measures=self.measures, rerank=self.rerank
            )
        except (ImageError, NotFound) as error:
            return Failure(_given(question), str(error))
        keys = np.array([hit.record.key for hit in hits], np.int64)
        return self._ranked(question, keys, np.array([hit.score for hit in hits], np.float32))

    def _ranked(
        self, question: Question, keys: Keys, scores: NDArray[np.float32]
    ) -> Ranked:
        itself = keys == question.key
        # a stored picture finds itself before others that score the same
        better = scores > scores[itself].max(initial=-np.inf) + _ROUNDING
        own = int(better.sum()) if itself.any() else -1
        others = ~itself
        return Ranked(question, keys[others][: self.depth], scores[others][: self.depth], own)


def _given(question: Question) -> str:
    return f"{question.key:016x}" if question.key is not None else str(question.path)
