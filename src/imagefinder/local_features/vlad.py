"""VLAD: all local descriptors of an image aggregated into one vector by a codebook.

Jégou et al., "Aggregating local descriptors into a compact image representation", CVPR 2010, with
residual normalization as in Delhumeau et al., "Revisiting the VLAD image representation", ACM
Multimedia 2013, and intra-normalization as in Arandjelović and Zisserman, "All about VLAD", CVPR
2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import unit

Matrix = NDArray[np.float32]

_WORDS = 256
_AXES = 32
_PER_WORD = 4  # descriptors at least: a word that is one descriptor leaves it no residual
_ITERATIONS = 20


@dataclass(frozen=True)
class Codebook:
    """Visual words: K-means centroids of descriptors reduced by PCA."""

    mean: Matrix
    axes: Matrix
    """``(dim, at most 32)``"""
    words: Matrix
    """``(at most 256, axes)``"""

    @property
    def dim(self) -> int:
        """Columns of a VLAD vector."""
        return self.words.size

    def residuals(self, descriptors: Matrix) -> tuple[NDArray[np.intp], Matrix]:
        """Each descriptor's nearest word, and its residual there, of length 1."""
        rows = np.asarray((descriptors - self.mean) @ self.axes, np.float32)
        nearest = _nearest_centroids(rows, self.words)
        return nearest, unit(rows - self.words[nearest])

    def vector(self, descriptors: Matrix) -> Matrix:
        """The VLAD vector, ``(1, dim)``: for each word the sum of its residuals, of length 1.

        Zeros for a word without descriptors.
        """
        nearest, residuals = self.residuals(descriptors)
        sums = np.zeros_like(self.words)
        np.add.at(sums, nearest, residuals)
        return unit(sums).reshape(1, -1)

    def to_bytes(self) -> bytes:
        """Serialize; ``from_bytes`` is the inverse."""
        with BytesIO() as file:
            for array in (self.mean, self.axes, self.words):
                np.save(file, array, allow_pickle=False)
            return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Codebook:
        """The inverse of ``to_bytes``. Raises ValueError for other bytes."""
        try:
            with BytesIO(data) as file:
                arrays = [np.lib.format.read_array(file, allow_pickle=False) for _ in range(3)]
        except Exception as error:  # whatever NumPy raises for bytes that it did not write
            raise ValueError(f"not a codebook: {error}") from error
        mean, axes, words = arrays
        if axes.ndim != 2 or words.ndim != 2 or mean.shape != axes.shape[:1]:
            raise ValueError("not a codebook")
        if words.shape[1] != axes.shape[1] or not words.size:
            raise ValueError("the shapes of a codebook do not fit")
        if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays):
            raise ValueError("a codebook is not finite float32")
        return cls(mean, axes, words)


def fit_codebook(descriptors: Matrix, seed: int = 0) -> Codebook:
    """PCA, then K-means, on a sample of descriptors, ``(n, dim)`` with n at least 1."""
    mean = descriptors.mean(axis=0)
    centered = descriptors - mean
    _, eigenvectors = np.linalg.eigh(centered.T @ centered)
    axes = np.ascontiguousarray(eigenvectors[:, ::-1][:, :_AXES], np.float32)
    words = max(1, min(_WORDS, len(descriptors) // _PER_WORD))
    return Codebook(mean, axes, _kmeans(centered @ axes, words, seed))


def _kmeans(rows: Matrix, words: int, seed: int) -> Matrix:
    """K-means (Lloyd's algorithm), initialized with random rows, ``(words, columns)``.

    By hand, as a catalogue of transformer patches needs neither OpenCV nor scikit-learn.
    """
    rng = np.random.default_rng(seed)
    centroids = rows[np.sort(rng.choice(len(rows), words, replace=False))]
    for _ in range(_ITERATIONS):
        nearest = _nearest_centroids(rows, centroids)
        counts = np.bincount(nearest, minlength=len(centroids))[:, None]
        sums = np.zeros_like(centroids)
        np.add.at(sums, nearest, rows)
        centroids = np.where(counts > 0, sums / np.maximum(counts, 1), centroids).astype(np.float32)
    return centroids


def _nearest_centroids(rows: Matrix, centroids: Matrix) -> NDArray[np.intp]:
    squares = (centroids**2).sum(axis=1)
    nearest: NDArray[np.intp] = np.argmin(squares - 2 * (rows @ centroids.T), axis=1)
    return nearest
