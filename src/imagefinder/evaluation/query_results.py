"""A page of rankings, judged: what of it goes into a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder.catalogue.labels import subset
from imagefinder.evaluation import metrics
from imagefinder.evaluation.ground_truth import Question, Truth
from imagefinder.evaluation.metrics import Relevance, Values, interpolated_precision
from imagefinder.evaluation.rankings import Ranked
from imagefinder.types import Keys

SHOWN = 8
"""Hits kept of each ranking."""
STEPS = 100
"""Of recall."""
NO_CLASS = -1

Sample = NDArray[np.float64]
"""Scores and how many pairs each stands for, (n, 2)."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Some queries."""

    questions: tuple[Question, ...]
    values: Values
    """As ``metrics.values`` gives them."""
    precision: Values
    """The sum of interpolated precisions, (STEPS + 1,)."""
    share: Values
    """What share of the other images is relevant, (queries,)."""
    relevant: Sample
    """Scores of relevant pairs."""
    other: Sample
    """Scores of other pairs."""
    confused: Counter[tuple[int, int]]
    """How often a class of queries (first) had a first hit of some class, or of NO_CLASS."""
    hits: Keys
    """The first, (queries, SHOWN); -1 where there are fewer."""
    scores: NDArray[np.float32]
    right: Relevance


def judged(
    rankings: Sequence[Ranked], truth: Truth, ks: Sequence[int], images: int, most: int
) -> Judged:
    """``images`` are stored; of each ranking ``most`` scores of either kind are kept."""
    wanted = [truth.relevant(one.question) for one in rankings]
    lines = [subset(one.keys, keys) for one, (keys, _) in zip(rankings, wanted, strict=True)]
    places = max([SHOWN, *map(len, lines)])
    relevant = np.stack([_filled(line, places, False) for line in lines])
    counts = np.array([count for _, count in wanted], np.intp)
    own = np.array([one.own for one in rankings], np.intp)
    others = np.array([images - (one.question.key is not None) for one in rankings])
    sampled = [
        (_sampled(one.scores[line], most), _sampled(one.scores[~line], most))
        for one, line in zip(rankings, lines, strict=True)
    ]
    return Judged(
        tuple(one.question for one in rankings),
        metrics.values(relevant, counts, own, ks),
        interpolated_precision(relevant, counts, STEPS).sum(axis=0),
        counts / others,
        np.concatenate([mine for mine, _ in sampled]),
        np.concatenate([theirs for _, theirs in sampled]),
        _confused(rankings, truth),
        np.stack([_filled(one.keys[:SHOWN], SHOWN, -1) for one in rankings]),
        np.stack([_filled(one.scores[:SHOWN], SHOWN, -np.inf) for one in rankings]),
        relevant[:, :SHOWN],
    )


def together(pages: Sequence[Judged]) -> Judged:
    """All pages as one."""
    return Judged(
        tuple(question for page in pages for question in page.questions),
        np.concatenate([page.values for page in pages]),
        np.sum([page.precision for page in pages], axis=0),
        np.concatenate([page.share for page in pages]),
        np.concatenate([page.relevant for page in pages]),
        np.concatenate([page.other for page in pages]),
        sum((page.confused for page in pages), Counter()),
        np.concatenate([page.hits for page in pages]),
        np.concatenate([page.scores for page in pages]),
        np.concatenate([page.right for page in pages]),
    )


def _confused(rankings: Sequence[Ranked], truth: Truth) -> Counter[tuple[int, int]]:
    if truth.groups.names is None:
        return Counter()
    return Counter(
        _classes(one.question.codes, truth.groups.of(int(one.keys[0])))
        for one in rankings
        if len(one.keys)
    )


def _classes(query: tuple[int, ...], hit: tuple[int, ...]) -> tuple[int, int]:
    """A class that they share, or the first of each."""
    shared = sorted(set(query) & set(hit))
    return (shared[0], shared[0]) if shared else (query[0], hit[0] if hit else NO_CLASS)


def _sampled(scores: NDArray[np.float32], most: int) -> Sample:
    """At most so many of the scores, evenly spaced, with how many each stands for."""
    kept = min(len(scores), most)
    places = np.linspace(0, len(scores) - 1, kept).round().astype(np.intp)
    weights = np.full(kept, len(scores) / max(1, kept))
    return np.column_stack([scores[places], weights])


def _filled(line: NDArray[np.generic], places: int, filler: float) -> NDArray[np.generic]:
    return np.pad(line, (0, places - len(line)), constant_values=filler)
