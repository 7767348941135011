"""What the student's embedding is to be: the teachers' embeddings joined, and whitened halfway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import unit

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """Centres and weighs each teacher's unit rows, joins them, and whitens what comes out."""

    weights: tuple[float, ...]
    centres: tuple[Rows, ...]
    basis: Rows
    """(numbers of all teachers, dim): principal directions over their deviations ** whitening."""

    @classmethod
    def fitted(
        cls, teachers: Sequence[Rows], weights: Sequence[float], dim: int, whitening: float
    ) -> Target:
        """From each teacher's rows for the same images, shape (images, its numbers).

        ``whitening`` 0 keeps the directions' own spread, 1 makes them all alike (Jégou and Chum,
        "Negative evidences and co-occurrences in image retrieval", ECCV 2012).
        """
        centres = tuple(unit(rows).mean(axis=0) for rows in teachers)
        joined = _joined(teachers, centres, weights)
        variances, directions = np.linalg.eigh(np.cov(joined, rowvar=False))
        kept = slice(-1, -dim - 1, -1)
        scale = np.sqrt(variances[kept]) ** -whitening
        basis = (directions[:, kept] * scale).astype(np.float32)
        return cls(tuple(weights), centres, basis)

    def of(self, teachers: Sequence[Rows]) -> Rows:
        """Unit rows, shape (images, dim)."""
        return unit(_joined(teachers, self.centres, self.weights) @ self.basis)


def _joined(teachers: Sequence[Rows], centres: Sequence[Rows], weights: Sequence[float]) -> Rows:
    centred = [
        weight * unit(unit(rows) - centre)
        for rows, centre, weight in zip(teachers, centres, weights, strict=True)
    ]
    return np.concatenate(centred, axis=1, dtype=np.float32)
