"""Retrieval metrics: precision, recall, F1, average precision, nDCG, R-precision, MRR, N-S score.

One number per query. All take ``relevant``, shape (queries, ranks): whether the hit at each rank is
relevant; most take ``counts``, shape (queries,): how many relevant images there are, at least 1,
even where the ranking does not reach them. What is not in the ranking counts as not found. All but
``ns_score`` agree with trec_eval: Manning, Raghavan and Schütze, "Introduction to Information
Retrieval", chapter 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Relevance: TypeAlias = NDArray[np.bool_]
Counts: TypeAlias = NDArray[np.intp]
Values: TypeAlias = NDArray[np.float64]

_NS_RANKS = 4


def precision(relevant: Relevance, k: int) -> Values:
    """The share of the first k hits that are relevant (precision at k)."""
    return _found(relevant, k) / k


def recall(relevant: Relevance, counts: Counts, k: int) -> Values:
    """The share of the relevant images that are among the first k hits (recall at k)."""
    return _found(relevant, k) / counts


def f1(relevant: Relevance, counts: Counts, k: int) -> Values:
    """The harmonic mean of precision and recall at k (F1 score)."""
    return 2 * _found(relevant, k) / (k + counts)


def average_precision(relevant: Relevance, counts: Counts) -> Values:
    """The mean, over all relevant images, of the precision at their ranks; 0 where not found."""
    return np.asarray((_precisions(relevant) * relevant).sum(axis=1) / counts)


def ndcg(relevant: Relevance, counts: Counts, k: int | None = None) -> Values:
    """Normalized discounted cumulative gain (nDCG), at k or over the whole ranking.

    A relevant hit gains 1 / log2(1 + rank). Järvelin and Kekäläinen, "Cumulated gain-based
    evaluation of IR techniques", ACM TOIS 2002.
    """
    best = counts if k is None else np.minimum(counts, k)
    discounts = 1 / np.log2(np.arange(2, max(relevant.shape[1], best.max(initial=0)) + 2))
    gains = relevant[:, :k] @ discounts[: relevant[:, :k].shape[1]]
    return np.asarray(gains / np.cumsum(discounts)[best - 1])


def r_precision(relevant: Relevance, counts: Counts) -> Values:
    """The precision at rank R, where R is the number of relevant images (R-precision)."""
    ranks = np.arange(relevant.shape[1])
    return np.asarray((relevant & (ranks < counts[:, None])).sum(axis=1) / counts)


def reciprocal_rank(relevant: Relevance) -> Values:
    """1 / the rank of the first relevant hit; 0 if there is none. Its mean is MRR."""
    if not relevant.shape[1]:
        return np.zeros(len(relevant))
    return np.asarray(relevant.any(axis=1) / (relevant.argmax(axis=1) + 1))


def ns_score(relevant: Relevance, own: NDArray[np.intp]) -> Values:
    """How many of the first four hits are relevant, 0 to 4, the query itself included.

    ``own``, shape (queries,): the position, from 0, that the query itself takes before those of
    ``relevant``; -1 if it is not stored. Nistér and Stewénius, "Scalable recognition
    with a vocabulary tree", CVPR 2006 (UKBench).
    """
    itself = (own >= 0) & (own < _NS_RANKS)
    others = np.where(itself, _found(relevant, _NS_RANKS - 1), _found(relevant, _NS_RANKS))
    return np.asarray(others + itself, np.float64)


def interpolated_precision(relevant: Relevance, counts: Counts, steps: int) -> Values:
    """Interpolated precision at recall levels 0, 1/steps, … 1: (queries, steps + 1).

    The best precision at that recall or any higher one; 0 where the ranking does not reach it.
    """
    # the best precision from each rank on, and 0 beyond the last
    best = np.maximum.accumulate(_precisions(relevant)[:, ::-1], axis=1)[:, ::-1]
    best = np.hstack([best, np.zeros((len(relevant), 1))])
    needed = -(-np.arange(steps + 1) * counts[:, None] // steps)  # rounded up, in whole numbers
    found = np.cumsum(relevant, axis=1)
    ranks = np.array(
        [np.searchsorted(line, wanted) for line, wanted in zip(found, needed, strict=True)],
        np.intp,
    ).reshape(needed.shape)
    return np.asarray(np.take_along_axis(best, ranks, axis=1))


def _found(relevant: Relevance, k: int) -> NDArray[np.intp]:
    return np.asarray(relevant[:, :k].sum(axis=1))


def _precisions(relevant: Relevance) -> Values:
    """The precision at every rank."""
    return np.asarray(np.cumsum(relevant, axis=1) / np.arange(1, relevant.shape[1] + 1))


WHOLE = ("mAP", "nDCG", "R-precision", "MRR", "N-S")
"""Metrics of the whole ranking."""

AT_K = ("precision", "recall", "F1", "nDCG")
"""Metrics at rank k, named as ``precision@5``."""


def names(ks: Sequence[int]) -> list[str]:
    """The names of all metrics, in the order of ``values``."""
    return [*WHOLE, *(f"{name}@{k}" for k in ks for name in AT_K)]


def values(relevant: Relevance, counts: Counts, own: NDArray[np.intp], ks: Sequence[int]) -> Values:
    """All metrics of each query, (queries, metrics); the arguments are those of the metrics."""
    whole = [
        average_precision(relevant, counts),
        ndcg(relevant, counts),
        r_precision(relevant, counts),
        reciprocal_rank(relevant),
        ns_score(relevant, own),
    ]
    at_k = [
        column
        for k in ks
        for column in (
            precision(relevant, k),
            recall(relevant, counts, k),
            f1(relevant, counts, k),
            ndcg(relevant, counts, k),
        )
    ]
    return np.column_stack([*whole, *at_k])
