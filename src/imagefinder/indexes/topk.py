"""Top-k selection for k-NN search: the k best scores of each query, ties in order of keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.similarity import Scores
from imagefinder.types import Keys, Neighbors

_WIDE = 256  # columns, above which a partition before the sort pays


def empty_neighbors(queries: int) -> Neighbors:
    """No neighbor for any of the queries."""
    return Neighbors(np.empty((queries, 0), np.int64), np.empty((queries, 0), np.float32))


def top_k(keys: Keys, scores: Scores, k: int) -> Neighbors:
    """The k best of each line; ``keys`` and ``scores`` are both ``(m, n)``."""
    k = min(k, keys.shape[1])
    if keys.shape[1] > _WIDE:
        return pad([_top_k_of_line(*line, k) for line in zip(keys, scores, strict=True)])
    order = np.lexsort((keys, -scores), axis=1)[:, :k]
    lines = np.arange(len(keys))[:, None]  # take_along_axis takes three times as long for a line
    return Neighbors(keys[lines, order], scores[lines, order])


def merge_top_k(results: Sequence[Neighbors], k: int) -> Neighbors:
    """The k best of several results for the same queries."""
    keys = np.hstack([one.keys for one in results])
    return top_k(keys, np.hstack([one.scores for one in results]), k)


def concatenate(results: Sequence[Neighbors]) -> Neighbors:
    """One result for all queries, from the results of consecutive batches of them."""
    if len(results) < 2:
        return results[0] if results else empty_neighbors(0)
    keys = np.concatenate([one.keys for one in results])
    return Neighbors(keys, np.concatenate([one.scores for one in results]))


def pad(lines: Sequence[tuple[Keys, Scores]]) -> Neighbors:
    """One result from a line per query; short lines are padded with key -1 and score -inf."""
    shape = len(lines), max((len(keys) for keys, _ in lines), default=0)
    neighbors = Neighbors(np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32))
    for number, (keys, scores) in enumerate(lines):
        neighbors.keys[number, : len(keys)] = keys
        neighbors.scores[number, : len(keys)] = scores
    return neighbors


def _top_k_of_line(keys: Keys, scores: Scores, k: int) -> tuple[Keys, Scores]:
    if k < len(keys):
        # everything that reaches the k-th score, so that ties at the border are settled by key
        reached = scores >= np.partition(scores, -k)[-k]
        keys, scores = keys[reached], scores[reached]
    order = np.lexsort((keys, -scores))[:k]
    return keys[order], scores[order]
