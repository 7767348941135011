"""Example queries with their top hits, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.ground_truth import EvalQuery, GroundTruth
from imagefinder.evaluation.query_results import QueryResults
from imagefinder.evaluation.report import EvalImage, QueryExample
from imagefinder.types import Record, Store


def query_examples(
    numbers: NDArray[np.intp], results: QueryResults, truth: GroundTruth, store: Store
) -> tuple[QueryExample, ...]:
    """The queries with these numbers."""
    own = [key for number in numbers if (key := results.queries[number].key) is not None]
    hits = results.hits[numbers]
    records = store.get([*own, *hits[hits >= 0].tolist()])
    return tuple(_example(number, results, truth, records) for number in numbers.tolist())


def _example(
    number: int, results: QueryResults, truth: GroundTruth, records: Mapping[int, Record]
) -> QueryExample:
    hits = zip(
        results.hits[number].tolist(),
        results.scores[number].tolist(),
        results.is_relevant[number].tolist(),
        strict=True,
    )
    return QueryExample(
        _query(results.queries[number], truth, records),
        float(results.values[number, 0]),
        tuple(
            _stored(records[key], truth, score, is_relevant)
            for key, score, is_relevant in hits
            if key in records
        ),
    )


def _query(query: EvalQuery, truth: GroundTruth, records: Mapping[int, Record]) -> EvalImage:
    if query.key is not None and query.key in records:
        return _stored(records[query.key], truth)
    return EvalImage(None, query.path, _names(query.codes, truth))


def _stored(
    record: Record, truth: GroundTruth, score: float | None = None, is_relevant: bool | None = None
) -> EvalImage:
    classes = _names(truth.groups.codes_of(record.key), truth)
    return EvalImage(record.id, record.path, classes, score, is_relevant)


def _names(codes: Sequence[int], truth: GroundTruth) -> tuple[str, ...]:
    return tuple(truth.groups.names[code] for code in codes) if truth.groups.names else ()
