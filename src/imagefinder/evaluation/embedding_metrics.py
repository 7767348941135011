"""Retrieval metrics of embeddings alone, without a catalogue: leave-one-out mAP and recall@1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.metrics import average_precision
from imagefinder.similarity import unit


class RetrievalScores(NamedTuple):
    """Means over all queries that have a relevant image."""

    mean_average_precision: float
    recall_at_1: float
    """The share of queries whose nearest neighbor is of the same class."""


def leave_one_out(rows: NDArray[np.float32], classes: Sequence[str]) -> RetrievalScores:
    """Each image in turn is a query for the others of its class; ``rows``: (images, dim), cosine.

    Average precision is over the whole ranking. Raises ValueError if no class has two images.
    """
    units = unit(rows)
    scores = units @ units.T
    np.fill_diagonal(scores, -np.inf)
    _, codes = np.unique(np.asarray(classes), return_inverse=True)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    relevant = codes[order] == codes[:, None]
    relevant = relevant[relevant.any(axis=1)]
    if not len(relevant):
        raise ValueError("no two images belong to the same class")
    precision = average_precision(relevant, relevant.sum(axis=1))
    return RetrievalScores(float(precision.mean()), float(relevant[:, 0].mean()))


def own_original_first(
    copies: NDArray[np.float32], originals: NDArray[np.float32], own: Sequence[int]
) -> float:
    """The share of copies whose nearest original by cosine is ``originals[own]``."""
    nearest = (unit(copies) @ unit(originals).T).argmax(axis=1)
    return float((nearest == np.asarray(own)).mean())
