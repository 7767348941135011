"""From rows to images: pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from imagefinder.types import Neighbors

Ranking = list[tuple[int, float]]
"""(key, score) of images, best first; equal scores in order of their keys."""


def vote(neighbors: Neighbors) -> Ranking:
    """Images by the mean, over the query rows, of each one's best row.

    With one query row that is plain similarity. An image that is not among the neighbours of a
    query row gets 0 for it. The order of the query rows does not matter; no rows give no ranking.
    """
    rows = len(neighbors.keys)
    votes: dict[int, list[float]] = {}
    for keys, scores in zip(neighbors.keys, neighbors.scores, strict=True):
        # best first, so the first row seen of an image is its best
        found, first = np.unique(keys, return_index=True)
        for key, score in zip(found.tolist(), scores[first].tolist(), strict=True):
            if key >= 0:
                votes.setdefault(key, []).append(score)
    # sorted, so that the sum does not depend on the order in which rows came
    return ranked({key: sum(sorted(given)) / rows for key, given in votes.items()})


def ranked(scores: Mapping[int, float]) -> Ranking:
    """Best first."""
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


Fusion: TypeAlias = Literal["reciprocal", "borda", "scores"]

_CONSTANT = 60


def fuse(
    rankings: Sequence[Ranking],
    how: Fusion = "reciprocal",
    weights: Sequence[float] | None = None,
) -> Ranking:
    """The weighted mean, over the rankings, of what each gives an image.

    ``reciprocal`` rank gives 61 / (60 + rank): Cormack, Clarke and Büttcher, "Reciprocal rank
    fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009. ``borda`` counts
    the places from the end. ``scores`` takes the scores themselves, the lowest in each ranking as 0
    and the highest as 1. By ranks, rankings may come from measures that cannot be compared.
    """
    if how not in get_args(Fusion):
        raise ValueError(f"rankings are fused by {', '.join(get_args(Fusion))}, not by {how!r}")
    weights = [1.0] * len(rankings) if weights is None else weights
    if len(weights) != len(rankings) or not all(0 <= w < math.inf for w in weights):
        raise ValueError("there must be one weight, 0 or above, for each ranking")
    whole = sum(weights)
    if rankings and not whole > 0:
        raise ValueError("some weight must be above 0")
    given: dict[int, list[float]] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for (key, _), share in zip(ranking, _SHARES[how](ranking), strict=True):
            given.setdefault(key, []).append(weight * share)
    # sorted, so that the sum does not depend on the order of the rankings
    return ranked({key: sum(sorted(shares)) / whole for key, shares in given.items()})


def _reciprocal(ranking: Ranking) -> list[float]:
    return [(_CONSTANT + 1) / (_CONSTANT + rank) for rank in range(1, len(ranking) + 1)]


def _borda(ranking: Ranking) -> list[float]:
    return [1 - place / len(ranking) for place in range(len(ranking))]


def _scaled(ranking: Ranking) -> list[float]:
    scores = [score for _, score in ranking]
    lowest, range_ = min(scores, default=0), max(scores, default=0) - min(scores, default=0)
    return [(score - lowest) / range_ if range_ else 1.0 for score in scores]


_SHARES: dict[Fusion, Callable[[Ranking], list[float]]] = {
    "reciprocal": _reciprocal,
    "borda": _borda,
    "scores": _scaled,
}
