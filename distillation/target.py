"""The target embedding: the teachers' embeddings, concatenated and partly whitened by PCA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import unit

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class JointEmbedding:
    """Centers and weights each teacher's unit rows, concatenates them, and whitens the result."""

    weights: tuple[float, ...]
    centers: tuple[Rows, ...]
    basis: Rows
    """(dimensions of all teachers, dim): principal axes over their deviations ** whitening."""

    @classmethod
    def fit(
        cls, teachers: Sequence[Rows], weights: Sequence[float], dim: int, whitening: float
    ) -> JointEmbedding:
        """From each teacher's embeddings of the same images, shape (images, its dimensions).

        ``whitening`` 0 keeps the axes' variances, 1 makes them equal (Jégou and Chum, "Negative
        evidences and co-occurrences in image retrieval", ECCV 2012).
        """
        centers = tuple(unit(rows).mean(axis=0) for rows in teachers)
        joined = _concatenated(teachers, centers, weights)
        variances, axes = np.linalg.eigh(np.cov(joined, rowvar=False))
        largest = slice(-1, -dim - 1, -1)
        scale = np.sqrt(variances[largest]) ** -whitening
        basis = (axes[:, largest] * scale).astype(np.float32)
        return cls(tuple(weights), centers, basis)

    def transform(self, teachers: Sequence[Rows]) -> Rows:
        """Unit rows, shape (images, dim)."""
        return unit(_concatenated(teachers, self.centers, self.weights) @ self.basis)


def _concatenated(
    teachers: Sequence[Rows], centers: Sequence[Rows], weights: Sequence[float]
) -> Rows:
    centered = [
        weight * unit(unit(rows) - center)
        for rows, center, weight in zip(teachers, centers, weights, strict=True)
    ]
    return np.concatenate(centered, axis=1, dtype=np.float32)
