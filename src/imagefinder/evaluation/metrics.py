"""Figures of merit of rankings, one number for each query.

All take ``relevant``, shape (queries, places): whether what stands at each place belongs to the
query; and most take ``counts``, shape (queries,): how many there are to be found, at least 1, also
where the ranking does not reach them. What is not in the ranking counts as not found. All but
``ns_score`` are those of trec_eval: Manning, Raghavan and Schütze, "Introduction to Information
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

_NS_PLACES = 4


def precision(relevant: Relevance, k: int) -> Values:
    """The share of the first k places that are relevant."""
    return _found(relevant, k) / k


def recall(relevant: Relevance, counts: Counts, k: int) -> Values:
    """The share of what is relevant that stands among the first k."""
    return _found(relevant, k) / counts


def f1(relevant: Relevance, counts: Counts, k: int) -> Values:
    """The harmonic mean of precision and recall at k."""
    return 2 * _found(relevant, k) / (k + counts)


def average_precision(relevant: Relevance, counts: Counts) -> Values:
    """The mean, over all that is relevant, of the precision at its place; 0 where not found."""
    return np.asarray((_precisions(relevant) * relevant).sum(axis=1) / counts)


def ndcg(relevant: Relevance, counts: Counts, k: int | None = None) -> Values:
    """Discounted cumulative gain at k, or at all places, as a share of the best there can be.

    A place counts 1 / log2(1 + place). Järvelin and Kekäläinen, "Cumulated gain-based evaluation
    of IR techniques", ACM TOIS 2002.
    """
    best = counts if k is None else np.minimum(counts, k)
    discounts = 1 / np.log2(np.arange(2, max(relevant.shape[1], best.max(initial=0)) + 2))
    gains = relevant[:, :k] @ discounts[: relevant[:, :k].shape[1]]
    return np.asarray(gains / np.cumsum(discounts)[best - 1])


def r_precision(relevant: Relevance, counts: Counts) -> Values:
    """The precision at the place up to which all could be relevant."""
    places = np.arange(relevant.shape[1])
    return np.asarray((relevant & (places < counts[:, None])).sum(axis=1) / counts)


def reciprocal_rank(relevant: Relevance) -> Values:
    """1 / the place of the first that is relevant; 0 if none is."""
    if not relevant.shape[1]:
        return np.zeros(len(relevant))
    return np.asarray(relevant.any(axis=1) / (relevant.argmax(axis=1) + 1))


def ns_score(relevant: Relevance, own: NDArray[np.intp]) -> Values:
    """How many of the first four show the same thing, 0 to 4, the query itself counted.

    ``own``, shape (queries,): the place, from 0, that the query itself takes before those of
    ``relevant``; -1 if it is not among the images. Nistér and Stewénius, "Scalable recognition
    with a vocabulary tree", CVPR 2006 (UKBench).
    """
    itself = (own >= 0) & (own < _NS_PLACES)
    others = np.where(itself, _found(relevant, _NS_PLACES - 1), _found(relevant, _NS_PLACES))
    return np.asarray(others + itself, np.float64)


def interpolated_precision(relevant: Relevance, counts: Counts, steps: int) -> Values:
    """The best precision at each recall of 0, 1/steps, … 1 or any higher: (queries, steps + 1).

    0 where the ranking does not reach that recall.
    """
    # the best precision from each place on, and nothing beyond the last
    best = np.maximum.accumulate(_precisions(relevant)[:, ::-1], axis=1)[:, ::-1]
    best = np.hstack([best, np.zeros((len(relevant), 1))])
    needed = -(-np.arange(steps + 1) * counts[:, None] // steps)  # rounded up, in whole numbers
    found = np.cumsum(relevant, axis=1)
    places = np.array(
        [np.searchsorted(line, wanted) for line, wanted in zip(found, needed, strict=True)],
        np.intp,
    ).reshape(needed.shape)
    return np.asarray(np.take_along_axis(best, places, axis=1))


def _found(relevant: Relevance, k: int) -> NDArray[np.intp]:
    return np.asarray(relevant[:, :k].sum(axis=1))


def _precisions(relevant: Relevance) -> Values:
    """The precision at every place."""
    return np.asarray(np.cumsum(relevant, axis=1) / np.arange(1, relevant.shape[1] + 1))


WHOLE = ("mAP", "nDCG", "R-precision", "MRR", "N-S")
"""Of the whole ranking."""

CUT = ("precision", "recall", "F1", "nDCG")
"""Of the first k places, as ``precision@5``."""


def names(ks: Sequence[int]) -> list[str]:
    """Of all figures, in the order of ``values``."""
    return [*WHOLE, *(f"{name}@{k}" for k in ks for name in CUT)]


def values(relevant: Relevance, counts: Counts, own: NDArray[np.intp], ks: Sequence[int]) -> Values:
    """All figures of each query, (queries, figures); the arguments are those of ``metrics``."""
    whole = [
        average_precision(relevant, counts),
        ndcg(relevant, counts),
        r_precision(relevant, counts),
        reciprocal_rank(relevant),
        ns_score(relevant, own),
    ]
    cut = [
        column
        for k in ks
        for column in (
            precision(relevant, k),
            recall(relevant, counts, k),
            f1(relevant, counts, k),
            ndcg(relevant, counts, k),
        )
    ]
    return np.column_stack([*whole, *cut])
