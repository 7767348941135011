"""The best of what was compared, ties in order of their keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.similarity import Scores
from imagefinder.types import Keys, Neighbors

_WIDE = 256  # columns, above which it pays to look for the k-th first


def nothing(queries: int) -> Neighbors:
    """Nobody is near."""
    return Neighbors(np.empty((queries, 0), np.int64), np.empty((queries, 0), np.float32))


def nearest(keys: Keys, scores: Scores, k: int) -> Neighbors:
    """The k best of each line; both arrays are ``(m, n)``."""
    k = min(k, keys.shape[1])
    if keys.shape[1] > _WIDE:
        return stacked([_line(*line, k) for line in zip(keys, scores, strict=True)])
    order = np.lexsort((keys, -scores), axis=1)[:, :k]
    return Neighbors(
        np.take_along_axis(keys, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )


def best_of(found: Sequence[Neighbors], k: int) -> Neighbors:
    """The k best of several answers to the same queries."""
    keys = np.hstack([one.keys for one in found])
    return nearest(keys, np.hstack([one.scores for one in found]), k)


def concatenated(found: Sequence[Neighbors]) -> Neighbors:
    """The answers to all queries, from those to some after the other."""
    if len(found) < 2:
        return found[0] if found else nothing(0)
    keys = np.concatenate([one.keys for one in found])
    return Neighbors(keys, np.concatenate([one.scores for one in found]))


def stacked(lines: Sequence[tuple[Keys, Scores]]) -> Neighbors:
    """One answer of many; shorter lines are filled up."""
    shape = len(lines), max((len(keys) for keys, _ in lines), default=0)
    neighbors = Neighbors(np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32))
    for number, (keys, scores) in enumerate(lines):
        neighbors.keys[number, : len(keys)] = keys
        neighbors.scores[number, : len(keys)] = scores
    return neighbors


def _line(keys: Keys, scores: Scores, k: int) -> tuple[Keys, Scores]:
    if k < len(keys):
        # all that reach the k-th score, so that ties at the border are settled by key
        reached = scores >= np.partition(scores, -k)[-k]
        keys, scores = keys[reached], scores[reached]
    order = np.lexsort((keys, -scores))[:k]
    return keys[order], scores[order]
