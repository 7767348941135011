"""Aggregation of per-query results: means with confidence intervals, classes, curves, examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation import metrics
from imagefinder.evaluation.bootstrap import confidence_intervals
from imagefinder.evaluation.examples import query_examples
from imagefinder.evaluation.ground_truth import GroundTruth
from imagefinder.evaluation.query_results import NO_CLASS, RECALL_STEPS, QueryResults
from imagefinder.evaluation.report import (
    ClassMetrics,
    Confusion,
    Estimate,
    EvalSetup,
    Evaluation,
    Histogram,
    PrecisionRecallCurve,
)
from imagefinder.types import Failure, Store, id_of

_BINS = 60
_EXAMPLES = 8


def summarize(
    setup: EvalSetup,
    results: QueryResults,
    truth: GroundTruth,
    store: Store,
    failed: tuple[Failure, ...],
) -> Evaluation:
    """The whole report."""
    names = metrics.names(setup.ks)
    order = np.argsort(-results.values[:, names.index("mAP")], kind="stable")
    best, worst = order[:_EXAMPLES], order[::-1][:_EXAMPLES]
    queries = tuple(
        str(query.path) if query.key is None else id_of(query.key) for query in results.queries
    )
    return Evaluation(
        setup=setup,
        metrics=_estimates(results, names, setup),
        classes=_classes(results, truth, names),
        curve=PrecisionRecallCurve(
            np.linspace(0, 1, RECALL_STEPS + 1),
            results.precision / setup.queries,
            float(results.prevalence.mean()),
        ),
        scores=_histogram(results),
        confusions=_confusions(results, truth),
        best=query_examples(best, results, truth, store),
        worst=query_examples(worst, results, truth, store),
        queries=queries,
        values=dict(zip(names, results.values.T, strict=True)),
        failed=failed,
    )


def _estimates(
    results: QueryResults, names: Sequence[str], setup: EvalSetup
) -> dict[str, Estimate]:
    bounds = confidence_intervals(results.values, setup.resamples, setup.confidence, setup.seed)
    columns = np.vstack([results.values.mean(axis=0), bounds]).T.tolist()
    return {name: Estimate(*column) for name, column in zip(names, columns, strict=True)}


def _classes(
    results: QueryResults, truth: GroundTruth, names: Sequence[str]
) -> tuple[ClassMetrics, ...]:
    if truth.groups.names is None:
        return ()
    members: dict[int, list[int]] = {}
    for number, query in enumerate(results.queries):
        for code in query.codes:
            members.setdefault(code, []).append(number)
    sizes = truth.groups.sizes
    return tuple(
        ClassMetrics(
            truth.groups.names[code],
            int(sizes[code]),
            len(numbers),
            dict(zip(names, results.values[numbers].mean(axis=0).tolist(), strict=True)),
        )
        for code, numbers in sorted(members.items())
    )


def _histogram(results: QueryResults) -> Histogram:
    scores = np.concatenate([results.relevant_scores[:, 0], results.other_scores[:, 0]])
    edges = np.histogram_bin_edges(scores, _BINS)

    def counts(sample: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.histogram(sample[:, 0], edges, weights=sample[:, 1])[0]

    return Histogram(edges, counts(results.relevant_scores), counts(results.other_scores))


def _confusions(results: QueryResults, truth: GroundTruth) -> tuple[Confusion, ...]:
    names = truth.groups.names or ()
    most_frequent = sorted(results.confusions.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Confusion(names[query], None if hit == NO_CLASS else names[hit], count)
        for (query, hit), count in most_frequent
    )
