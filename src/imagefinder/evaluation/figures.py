"""The figures of merit by their names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation import metrics
from imagefinder.evaluation.metrics import Counts, Relevance, Values

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
        metrics.average_precision(relevant, counts),
        metrics.ndcg(relevant, counts),
        metrics.r_precision(relevant, counts),
        metrics.reciprocal_rank(relevant),
        metrics.ns_score(relevant, own),
    ]
    cut = [
        column
        for k in ks
        for column in (
            metrics.precision(relevant, k),
            metrics.recall(relevant, counts, k),
            metrics.f1(relevant, counts, k),
            metrics.ndcg(relevant, counts, k),
        )
    ]
    return np.column_stack([*whole, *cut])
