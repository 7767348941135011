"""The evaluation report: metrics with confidence intervals, curves, classes and examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.metrics import AT_K, WHOLE, Values
from imagefinder.types import Failure, Measure


@dataclass(frozen=True)
class EvalSetup:
    """What was measured, and how."""

    encoder: str
    index: str
    measures: tuple[Measure, ...]
    """Several were fused."""
    rerank: str | None
    ground_truth: str
    """What counts as relevant, in words."""
    images: int
    """In the catalogue."""
    queries: int
    without_relevant: int
    """Queries left out because no image is relevant to them."""
    depth: int
    """Ranks evaluated."""
    truncated: bool
    """Whether the rankings go on below that; what lies deeper counts as not found."""
    ks: tuple[int, ...]
    seed: int
    resamples: int
    """Of the bootstrap."""
    confidence: float


@dataclass(frozen=True)
class Estimate:
    """A mean over all queries, with its bootstrap confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        """Both bounds, as text."""
        return f"{self.low:.3f} to {self.high:.3f}"

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.interval})"


@dataclass(frozen=True)
class ClassMetrics:
    """Means over the queries of one class; a query that is in several counts in each."""

    name: str
    images: int
    """Stored."""
    queries: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Interpolated precision at each recall, both (points,), the mean over all queries."""

    recall: Values
    precision: Values
    chance: float
    """The mean precision of a random order."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Scores of relevant and of other pairs, counted in the same bins."""

    edges: Values
    """(bins + 1,), ascending."""
    relevant: Values
    """Pairs in each bin."""
    other: Values


@dataclass(frozen=True)
class Confusion:
    """How often queries of a class had a top hit of a class (None: of no class)."""

    query: str
    hit: str | None
    count: int


@dataclass(frozen=True)
class EvalImage:
    """A query or a hit of an example."""

    id: str | None
    """None where it is not stored."""
    path: str | None
    """None where it was given in memory."""
    classes: tuple[str, ...]
    score: float | None = None
    is_relevant: bool | None = None


@dataclass(frozen=True)
class QueryExample:
    """A query and its top hits."""

    query: EvalImage
    average_precision: float
    hits: tuple[EvalImage, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """How well a catalogue retrieves relevant images."""

    setup: EvalSetup
    metrics: Mapping[str, Estimate]
    """``mAP``, ``nDCG``, ``R-precision``, ``MRR``, ``N-S``, and ``precision``, ``recall``, ``F1``
    and ``nDCG`` ``@k``."""
    classes: tuple[ClassMetrics, ...]
    """By name; none where the ground truth is pairs."""
    curve: PrecisionRecallCurve
    scores: Histogram
    confusions: tuple[Confusion, ...]
    """The most frequent first."""
    best: tuple[QueryExample, ...]
    """By average precision."""
    worst: tuple[QueryExample, ...]
    queries: tuple[str, ...]
    """The id of each stored query, otherwise its path."""
    values: Mapping[str, NDArray[np.float64]]
    """Each metric of each query, in the order of ``queries``."""
    failed: tuple[Failure, ...]

    def __str__(self) -> str:
        """A readable summary."""
        whole = (f"{name:<14}{self.metrics[name]}" for name in WHOLE)
        names = [f"{name}@{k}" for k in self.setup.ks for name in AT_K]
        at_k = (f"{name:<14}{self.metrics[name]}" for name in names)
        return "\n".join([*self.description(), "", *whole, *at_k])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same as a table, in a notebook."""
        from imagefinder.visualization.html import render

        return render(__package__, "summary.html", evaluation=self)

    def description(self) -> list[str]:
        """What was measured, and how, as lines of text."""
        setup = self.setup
        lines = [
            f"{setup.queries:,} queries among {setup.images:,} images by {_method(setup)}",
            f"ground truth: {setup.ground_truth}",
        ]
        if setup.without_relevant:
            lines.append(f"queries left out, without a relevant image: {setup.without_relevant:,}")
        if self.failed:
            lines.append(f"queries left out, unreadable: {len(self.failed):,}")
        if setup.truncated:
            lines.append(
                f"rankings end at rank {setup.depth:,}: anything deeper counts as not found"
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Everything but the values of single queries, ready for JSON."""
        return {
            **as_json(self.setup),
            "metrics": {name: as_json(estimate) for name, estimate in self.metrics.items()},
            "classes": [as_json(one) for one in self.classes],
            "curve": as_json(self.curve),
            "scores": as_json(self.scores),
            "confusions": [as_json(one) for one in self.confusions],
            "best": [_example_as_json(one) for one in self.best],
            "worst": [_example_as_json(one) for one in self.worst],
            "failed": [as_json(one) for one in self.failed],
        }


def as_json(value: Any) -> dict[str, Any]:
    """A dataclass's fields, arrays as lists."""
    return {
        name: field.tolist() if isinstance(field, np.ndarray) else field
        for name, field in vars(value).items()
    }


def _example_as_json(example: QueryExample) -> dict[str, Any]:
    return {
        "query": as_json(example.query),
        "average_precision": example.average_precision,
        "hits": [as_json(hit) for hit in example.hits],
    }


def _method(setup: EvalSetup) -> str:
    parts = [setup.encoder]
    if setup.measures:
        parts.append(f"measure {' + '.join(setup.measures)}")
    if setup.index != "exact":
        parts.append(f"index {setup.index}")
    if setup.rerank:
        parts.append(f"re-ranked by {setup.rerank}")
    return ", ".join(parts)
