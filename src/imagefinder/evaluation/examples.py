"""Single queries of an evaluation, with their first hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.ground_truth import Question, Truth
from imagefinder.evaluation.query_results import Judged
from imagefinder.evaluation.report import EvalImage, Example
from imagefinder.types import Record, Store


def examples(
    which: NDArray[np.intp], every: Judged, truth: Truth, store: Store
) -> tuple[Example, ...]:
    """Those queries, by their numbers."""
    own = [key for n in which if (key := every.questions[n].key) is not None]
    hits = every.hits[which]
    records = store.get([*own, *hits[hits >= 0].tolist()])
    return tuple(_example(n, every, truth, records) for n in which.tolist())


def _example(n: int, every: Judged, truth: Truth, records: Mapping[int, Record]) -> Example:
    hits = [
        _stored(key, truth, records, score, right)
        for key, score, right in zip(
            every.hits[n].tolist(), every.scores[n].tolist(), every.right[n].tolist(), strict=True
        )
        if key in records
    ]
    return Example(
        _asked(every.questions[n], truth, records), float(every.values[n, 0]), tuple(hits)
    )


def _asked(question: Question, truth: Truth, records: Mapping[int, Record]) -> EvalImage:
    if question.key is not None and question.key in records:
        return _stored(question.key, truth, records)
    return EvalImage(None, question.path, _names(question.codes, truth))


def _stored(
    key: int,
    truth: Truth,
    records: Mapping[int, Record],
    score: float | None = None,
    right: bool | None = None,
) -> EvalImage:
    record = records[key]
    return EvalImage(record.id, record.path, _names(truth.groups.of(key), truth), score, right)


def _names(codes: Sequence[int], truth: Truth) -> tuple[str, ...]:
    return tuple(truth.groups.names[code] for code in codes) if truth.groups.names else ()
