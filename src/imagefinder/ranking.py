"""From rows to pictures, and from several rankings to one: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imagefinder.types import Neighbors

Ranking = list[tuple[int, float]]
"""(key, score) of pictures, best first; equal scores in order of their keys."""


def vote(neighbors: Neighbors) -> Ranking:
    """Pictures by the mean, over the query rows, of each one's best row.

    With one query row that is plain similarity. A picture that is not among the neighbours of a
    query row gets 0 for it. The order of the query rows does not matter; no rows give no ranking.
    """
    rows = len(neighbors.keys)
    votes: dict[int, list[float]] = {}
    for keys, scores in zip(neighbors.keys, neighbors.scores, strict=True):
        # best first, so the first row seen of a picture is its best
        found, first = np.unique(keys, return_index=True)
        for key, score in zip(found.tolist(), scores[first].tolist(), strict=True):
            if key >= 0:
                votes.setdefault(key, []).append(score)
    # sorted, so that the sum does not depend on the order in which rows came
    return _ranked({key: sum(sorted(given)) / rows for key, given in votes.items()})


def fuse(rankings: Sequence[Sequence[int]], constant: float = 60) -> Ranking:
    """One ranking from several, by reciprocal rank: the sum of 1 / (constant + rank).

    Only ranks count, so the rankings may come from measures that cannot be compared; their own
    order does not matter. Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms
    Condorcet and individual rank learning methods", SIGIR 2009, whose constant is 60.
    """
    shares: dict[int, list[float]] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            shares.setdefault(key, []).append(1 / (constant + rank))
    return _ranked({key: sum(sorted(given)) for key, given in shares.items()})


def _ranked(scores: Mapping[int, float]) -> Ranking:
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
