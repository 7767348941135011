"""From rows to pictures: pure functions."""

from __future__ import annotations

from collections.abc import Mapping

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
    return ranked({key: sum(sorted(given)) / rows for key, given in votes.items()})


def best(neighbors: Neighbors) -> Ranking:
    """Pictures by their best row for any query row."""
    found: dict[int, float] = {}
    for key, score in zip(neighbors.keys.flat, neighbors.scores.flat, strict=True):
        if key >= 0:
            found[int(key)] = max(float(score), found.get(int(key), -np.inf))
    return ranked(found)


def ranked(scores: Mapping[int, float]) -> Ranking:
    """Best first."""
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
