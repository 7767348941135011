"""From judged rankings to the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation import metrics
from imagefinder.evaluation.bootstrap import intervals
from imagefinder.evaluation.examples import examples
from imagefinder.evaluation.ground_truth import Truth
from imagefinder.evaluation.query_results import NO_CLASS, STEPS, Judged
from imagefinder.evaluation.report import (
    ClassFigures,
    Confused,
    Curve,
    Evaluation,
    Figure,
    Histogram,
    Setting,
)
from imagefinder.types import Failure, Store

_BINS = 60
_EXAMPLES = 8


def summarized(
    setting: Setting, every: Judged, truth: Truth, store: Store, failed: tuple[Failure, ...]
) -> Evaluation:
    """All figures, and what a reader wants to look at."""
    names = metrics.names(setting.ks)
    order = np.argsort(-every.values[:, names.index("mAP")], kind="stable")
    best, worst = order[:_EXAMPLES], order[::-1][:_EXAMPLES]
    queries = tuple(
        str(question.path) if question.key is None else f"{question.key:016x}"
        for question in every.questions
    )
    return Evaluation(
        setting=setting,
        figures=_figures(every, names, setting),
        classes=_classes(every, truth, names),
        curve=Curve(
            np.linspace(0, 1, STEPS + 1),
            every.precision / setting.queries,
            float(every.share.mean()),
        ),
        scores=_histogram(every),
        confused=_confused(every, truth),
        best=examples(best, every, truth, store),
        worst=examples(worst, every, truth, store),
        queries=queries,
        values=dict(zip(names, every.values.T, strict=True)),
        failed=failed,
    )


def _figures(every: Judged, names: Sequence[str], setting: Setting) -> dict[str, Figure]:
    bounds = intervals(every.values, setting.resamples, setting.confidence, setting.seed)
    columns = np.vstack([every.values.mean(axis=0), bounds]).T.tolist()
    return {name: Figure(*column) for name, column in zip(names, columns, strict=True)}


def _classes(every: Judged, truth: Truth, names: Sequence[str]) -> tuple[ClassFigures, ...]:
    if truth.groups.names is None:
        return ()
    members: dict[int, list[int]] = {}
    for number, question in enumerate(every.questions):
        for code in question.codes:
            members.setdefault(code, []).append(number)
    sizes = truth.groups.sizes
    return tuple(
        ClassFigures(
            truth.groups.names[code],
            int(sizes[code]),
            len(numbers),
            dict(zip(names, every.values[numbers].mean(axis=0).tolist(), strict=True)),
        )
        for code, numbers in sorted(members.items())
    )


def _histogram(every: Judged) -> Histogram:
    scores = np.concatenate([every.relevant[:, 0], every.other[:, 0]])
    edges = np.histogram_bin_edges(scores, _BINS)

    def spread(sample: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.histogram(sample[:, 0], edges, weights=sample[:, 1])[0]

    return Histogram(edges, spread(every.relevant), spread(every.other))


def _confused(every: Judged, truth: Truth) -> tuple[Confused, ...]:
    names = truth.groups.names or ()
    return tuple(
        Confused(names[query], None if hit == NO_CLASS else names[hit], count)
        for (query, hit), count in sorted(
            every.confused.items(), key=lambda item: (-item[1], item[0])
        )
    )
