"""Ranking: late interaction (MaxSim) over embeddings, and rank fusion. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from imagefinder.types import Neighbors

Ranking: TypeAlias = list[tuple[int, float]]
"""(key, score) of images, best first; equal scores in order of their keys."""

Fusion: TypeAlias = Literal["reciprocal", "borda", "scores"]

_RANK_CONSTANT = 60


def maxsim(neighbors: Neighbors) -> Ranking:
    """MaxSim: the mean, over the query vectors, of each image's best score.

    With one query vector that is plain similarity. An image that is not among the neighbors of a
    query vector gets 0 for it. The order of the query vectors does not matter; none, no ranking.
    """
    queries = len(neighbors.keys)
    best_scores: dict[int, list[float]] = {}
    for keys, scores in zip(neighbors.keys, neighbors.scores, strict=True):
        # best first, so the first occurrence of an image has its best score
        found, first = np.unique(keys, return_index=True)
        for key, score in zip(found.tolist(), scores[first].tolist(), strict=True):
            if key >= 0:
                best_scores.setdefault(key, []).append(score)
    # sorted, so that the sum does not depend on the order of the query vectors
    return best_first({key: sum(sorted(given)) / queries for key, given in best_scores.items()})


def fuse(
    rankings: Sequence[Ranking],
    how: Fusion = "reciprocal",
    weights: Sequence[float] | None = None,
) -> Ranking:
    """Rank fusion: the weighted mean, over the rankings, of the points each gives an image.

    ``reciprocal`` rank fusion (RRF) gives 61 / (60 + rank): Cormack, Clarke and Büttcher,
    "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
    ``borda`` counts ranks from the end. ``scores`` scales the scores of each ranking to 0 to 1
    (min-max). The first two work on ranks, so scores need not be comparable. An image that is first
    everywhere gets 1, one that is nowhere 0.

    Raises ValueError for another ``how``, or weights that do not fit.
    """
    if how not in get_args(Fusion):
        raise ValueError(f"rankings are fused by {', '.join(get_args(Fusion))}, not by {how!r}")
    weights = [1.0] * len(rankings) if weights is None else weights
    if len(weights) != len(rankings) or not all(0 <= w < math.inf for w in weights):
        raise ValueError("there must be one weight, 0 or above, for each ranking")
    total = sum(weights)
    if rankings and not total > 0:
        raise ValueError("at least one weight must be above 0")
    points: dict[int, list[float]] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for (key, _), point in zip(ranking, _POINTS[how](ranking), strict=True):
            points.setdefault(key, []).append(weight * point)
    # sorted, so that the sum does not depend on the order of the rankings
    return best_first({key: sum(sorted(given)) / total for key, given in points.items()})


def best_first(scores: Mapping[int, float]) -> Ranking:
    """A ranking from the scores of keys."""
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def _reciprocal(ranking: Ranking) -> list[float]:
    return [(_RANK_CONSTANT + 1) / (_RANK_CONSTANT + rank) for rank in range(1, len(ranking) + 1)]


def _borda(ranking: Ranking) -> list[float]:
    return [1 - above / len(ranking) for above in range(len(ranking))]


def _min_max(ranking: Ranking) -> list[float]:
    scores = [score for _, score in ranking]
    lowest, spread = min(scores, default=0), max(scores, default=0) - min(scores, default=0)
    return [(score - lowest) / spread if spread else 1.0 for score in scores]


_POINTS: dict[Fusion, Callable[[Ranking], list[float]]] = {
    "reciprocal": _reciprocal,
    "borda": _borda,
    "scores": _min_max,
}
