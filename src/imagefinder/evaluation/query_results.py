"""Per-query results of one batch: metrics, score samples, confusions and top hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder.catalogue.image_groups import is_member
from imagefinder.evaluation import metrics
from imagefinder.evaluation.batch_retrieval import RankedList
from imagefinder.evaluation.ground_truth import EvalQuery, GroundTruth
from imagefinder.evaluation.metrics import Relevance, Values, interpolated_precision
from imagefinder.types import Keys

TOP_HITS = 8
"""Hits recorded of each ranking."""
RECALL_STEPS = 100
NO_CLASS = -1

ScoreSample: TypeAlias = NDArray[np.float64]
"""Scores and how many pairs each stands for, (n, 2)."""


@dataclass(frozen=True, eq=False)
class QueryResults:
    """Results of some queries."""

    queries: tuple[EvalQuery, ...]
    values: Values
    """As ``metrics.values`` gives them, (queries, metrics)."""
    precision: Values
    """The sum of interpolated precisions, (RECALL_STEPS + 1,)."""
    prevalence: Values
    """The share of the other images that is relevant, (queries,)."""
    relevant_scores: ScoreSample
    other_scores: ScoreSample
    confusions: Counter[tuple[int, int]]
    """How often a query of a class (first) had a top hit of a class, or of NO_CLASS."""
    hits: Keys
    """The top hits, (queries, TOP_HITS); -1 where there are fewer."""
    scores: NDArray[np.float32]
    is_relevant: Relevance


def query_results(
    rankings: Sequence[RankedList], truth: GroundTruth, ks: Sequence[int], images: int, most: int
) -> QueryResults:
    """``images`` are stored; at most ``most`` scores of either kind are sampled from each."""
    wanted = [truth.relevant(one.query) for one in rankings]
    lines = [is_member(one.keys, keys) for one, (keys, _) in zip(rankings, wanted, strict=True)]
    ranks = max([TOP_HITS, *map(len, lines)])
    relevant = np.stack([_padded(line, ranks, False) for line in lines])
    counts = np.array([count for _, count in wanted], np.intp)
    own = np.array([one.own_position for one in rankings], np.intp)
    others = np.array([images - (one.query.key is not None) for one in rankings])
    scored = list(zip(rankings, lines, strict=True))
    return QueryResults(
        tuple(one.query for one in rankings),
        metrics.values(relevant, counts, own, ks),
        interpolated_precision(relevant, counts, RECALL_STEPS).sum(axis=0),
        counts / others,
        np.concatenate([_sampled(one.scores[line], most) for one, line in scored]),
        np.concatenate([_sampled(one.scores[~line], most) for one, line in scored]),
        _confusions(rankings, truth),
        np.stack([_padded(one.keys[:TOP_HITS], TOP_HITS, -1) for one in rankings]),
        np.stack([_padded(one.scores[:TOP_HITS], TOP_HITS, -np.inf) for one in rankings]),
        relevant[:, :TOP_HITS],
    )


def concatenate(batches: Sequence[QueryResults]) -> QueryResults:
    """All batches as one."""
    merged: dict[str, Any] = {
        field.name: np.concatenate([getattr(batch, field.name) for batch in batches])
        for field in fields(QueryResults)
        if field.name not in ("queries", "precision", "confusions")
    }
    return QueryResults(
        queries=tuple(query for batch in batches for query in batch.queries),
        precision=np.sum([batch.precision for batch in batches], axis=0),
        confusions=sum((batch.confusions for batch in batches), Counter()),
        **merged,
    )


def _confusions(rankings: Sequence[RankedList], truth: GroundTruth) -> Counter[tuple[int, int]]:
    if truth.groups.names is None:
        return Counter()
    return Counter(
        _classes(one.query.codes, truth.groups.codes_of(int(one.keys[0])))
        for one in rankings
        if len(one.keys)
    )


def _classes(query: tuple[int, ...], hit: tuple[int, ...]) -> tuple[int, int]:
    """A class that they share, or else the first of each."""
    shared = sorted(set(query) & set(hit))
    return (shared[0], shared[0]) if shared else (query[0], hit[0] if hit else NO_CLASS)


def _sampled(scores: NDArray[np.float32], most: int) -> ScoreSample:
    """At most ``most`` of the scores, evenly spaced, with how many each stands for."""
    count = min(len(scores), most)
    chosen = np.linspace(0, len(scores) - 1, count).round().astype(np.intp)
    weights = np.full(count, len(scores) / max(1, count))
    return np.column_stack([scores[chosen], weights])


def _padded(line: NDArray[np.generic], length: int, filler: float) -> NDArray[np.generic]:
    return np.pad(line, (0, length - len(line)), constant_values=filler)
