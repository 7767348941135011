"""The report of an evaluation: values only, and how they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.metrics import CUT, WHOLE, Values
from imagefinder.types import Failure, Measure


@dataclass(frozen=True)
class Setting:
    """What was measured, and how."""

    encoder: str
    index: str
    measures: tuple[Measure, ...]
    """Several were fused."""
    rerank: str | None
    truth: str
    """What belongs together, in words."""
    images: int
    """In the catalogue."""
    queries: int
    idle: int
    """Queries left out because there is nothing that they could find."""
    depth: int
    """Places of each ranking that were looked at."""
    cut: bool
    """Whether there were more: what lies deeper counts as not found."""
    ks: tuple[int, ...]
    seed: int
    resamples: int
    confidence: float


@dataclass(frozen=True)
class Figure:
    """A mean over all queries, and its bounds by the bootstrap."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class ClassFigures:
    """The same of one class; a query that is in several counts in each."""

    name: str
    images: int
    """Stored."""
    queries: int
    figures: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision at each recall or any higher, both (points,), the mean over all queries."""

    recall: Values
    precision: Values
    chance: float
    """The mean precision of images in any order."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """How the scores of relevant and of other pairs are spread over the same bins."""

    edges: Values
    """(bins + 1,), ascending."""
    relevant: Values
    """Pairs in each bin."""
    other: Values


@dataclass(frozen=True)
class Confused:
    """How often queries of a class had a first hit of some class (None: of none)."""

    query: str
    hit: str | None
    count: int


@dataclass(frozen=True)
class EvalImage:
    """One image of an example."""

    id: str | None
    """None where it is not stored."""
    path: str | None
    """None where it was given in memory."""
    classes: tuple[str, ...]
    score: float | None = None
    right: bool | None = None


@dataclass(frozen=True)
class Example:
    """A query and its first hits."""

    query: EvalImage
    average_precision: float
    hits: tuple[EvalImage, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """How well a catalogue finds what belongs together."""

    setting: Setting
    figures: Mapping[str, Figure]
    """``mAP``, ``nDCG``, ``R-precision``, ``MRR``, ``N-S``, and ``precision``, ``recall``, ``F1``
    and ``nDCG`` ``@k``."""
    classes: tuple[ClassFigures, ...]
    """By name; none where the images are paired, not classed."""
    curve: Curve
    scores: Histogram
    confused: tuple[Confused, ...]
    """The most frequent first."""
    best: tuple[Example, ...]
    """By average precision."""
    worst: tuple[Example, ...]
    queries: tuple[str, ...]
    """The id of each stored query, else its path."""
    values: Mapping[str, NDArray[np.float64]]
    """Each figure of each query, in order of ``queries``."""
    failed: tuple[Failure, ...]

    def __str__(self) -> str:
        """A readable summary."""
        whole = (f"{name:<14}{self.figures[name]}" for name in WHOLE)
        cut = (f"{f'{name}@{k}':<14}{self.figures[f'{name}@{k}']}" for name, k in self._cut())
        return "\n".join([*self.told(), "", *whole, *cut])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same as a table, in a notebook."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{name}</th><td>{figure.mean:.3f}</td>"
            f"<td>{figure.low:.3f} to {figure.high:.3f}</td></tr>"
            for name, figure in self.figures.items()
        )
        head = f"<tr><th></th><th>mean</th><th>{self.setting.confidence:.0%} interval</th></tr>"
        told = "<br>".join(escape(line) for line in self.told())
        return f"<p>{told}</p><table>{head}{rows}</table>"

    def told(self) -> list[str]:
        """What was measured, and how, a line each."""
        setting = self.setting
        by = setting.encoder
        if setting.measures:
            by += f", compared by {' + '.join(setting.measures)}"
        if setting.index != "exact":
            by += f", through the index {setting.index}"
        if setting.rerank:
            by += f", reranked by {setting.rerank}"
        lines = [
            f"{setting.queries:,} queries among {setting.images:,} images by {by}",
            setting.truth,
        ]
        if setting.idle:
            lines.append(f"left out, as there is nothing that they could find: {setting.idle:,}")
        if self.failed:
            lines.append(f"left out, as they cannot be used: {len(self.failed):,}")
        if setting.cut:
            lines.append(
                f"rankings end at place {setting.depth:,}: what lies deeper counts as not found"
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """All but the single queries' values, as JSON can hold it."""
        return {
            **vars_of(self.setting),
            "figures": {name: vars_of(figure) for name, figure in self.figures.items()},
            "classes": [vars_of(one) for one in self.classes],
            "curve": vars_of(self.curve),
            "scores": vars_of(self.scores),
            "confused": [vars_of(one) for one in self.confused],
            "best": [_example(one) for one in self.best],
            "worst": [_example(one) for one in self.worst],
            "failed": [vars_of(one) for one in self.failed],
        }

    def _cut(self) -> list[tuple[str, int]]:
        return [(name, k) for k in self.setting.ks for name in CUT]


def vars_of(value: Any) -> dict[str, Any]:
    """A dataclass's fields, arrays as lists."""
    return {
        name: field.tolist() if isinstance(field, np.ndarray) else field
        for name, field in vars(value).items()
    }


def _example(example: Example) -> dict[str, Any]:
    hits: Sequence[EvalImage] = example.hits
    return {
        "query": vars_of(example.query),
        "average_precision": example.average_precision,
        "hits": [vars_of(hit) for hit in hits],
    }
