"""How well rows of vectors find what belongs together, without a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.metrics import average_precision
from imagefinder.similarity import unit


class Retrieval(NamedTuple):
    """Means over all queries that have something to find."""

    mean_average_precision: float
    recall_at_1: float
    """The share of queries whose closest image belongs to them."""


def leave_one_out(rows: NDArray[np.float32], classes: Sequence[str]) -> Retrieval:
    """Each image in turn asks for the others of its class, by cosine; ``rows``: (images, dim).

    Average precision is over the whole ranking.
    """
    units = unit(rows)
    scores = units @ units.T
    np.fill_diagonal(scores, -np.inf)
    _, kinds = np.unique(np.asarray(classes), return_inverse=True)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    relevant = kinds[order] == kinds[:, None]
    asked = relevant[relevant.any(axis=1)]
    if not len(asked):
        raise ValueError("no two images belong to the same class")
    precision = average_precision(asked, asked.sum(axis=1))
    return Retrieval(float(precision.mean()), float(asked[:, 0].mean()))


def own_original_first(
    changed: NDArray[np.float32], originals: NDArray[np.float32], own: Sequence[int]
) -> float:
    """The share of changed images whose own original, by its row, is the closest by cosine."""
    closest = (unit(changed) @ unit(originals).T).argmax(axis=1)
    return float((closest == np.asarray(own)).mean())
