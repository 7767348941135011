"""VLAD: one vector for all the local features of an image.

Jégou et al., "Aggregating local descriptors into a compact image representation", CVPR 2010; each
difference scaled to length 1, and signed square roots taken of the sums, as Delhumeau et al.,
"Revisiting the VLAD image representation", ACM Multimedia 2013, found best.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import unit
from imagefinder.types import LocalFeatures

Matrix = NDArray[np.float32]

_WORDS = 128
_AXES = 64
_ROUNDS = 20
_FEWEST = 20  # local features that a part of an image must hold
_CORNERS = (0.0, 0.25, 0.5)


@dataclass(frozen=True)
class Codebook:
    """Typical descriptors ("words"), along the directions in which descriptors differ most."""

    mean: Matrix
    axes: Matrix
    """``(dim, at most 64)``"""
    words: Matrix
    """``(at most 128, axes)``"""

    @property
    def dim(self) -> int:
        """Columns of the vectors that it makes."""
        return self.words.size

    def vector(self, descriptors: Matrix) -> Matrix:
        """``(1, dim)``, of length 1; zeros if there are no descriptors."""
        rows = np.asarray((descriptors - self.mean) @ self.axes, np.float32)
        nearest = _nearest(rows, self.words)
        apart: Matrix = rows - self.words[nearest]
        sums = np.zeros_like(self.words)
        np.add.at(sums, nearest, unit(apart))
        return unit((np.sign(sums) * np.sqrt(np.abs(sums))).reshape(1, -1))

    def to_bytes(self) -> bytes:
        """For a file."""
        with BytesIO() as file:
            for array in (self.mean, self.axes, self.words):
                np.save(file, array, allow_pickle=False)
            return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Codebook:
        """The inverse. Raises ValueError for other bytes."""
        try:
            with BytesIO(data) as file:
                arrays = [np.lib.format.read_array(file, allow_pickle=False) for _ in range(3)]
        except Exception as error:  # whatever the bytes are now, they are not what was saved
            raise ValueError(f"it holds no codebook: {error}") from error
        mean, axes, words = arrays
        if axes.ndim != 2 or words.ndim != 2 or mean.shape != axes.shape[:1]:
            raise ValueError("it holds no codebook")
        if words.shape[1] != axes.shape[1] or not words.size:
            raise ValueError("its parts do not fit")
        if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays):
            raise ValueError("its numbers are none")
        return cls(mean, axes, words)


def learned(descriptors: Matrix, seed: int = 0) -> Codebook:
    """From a sample, at least one row: principal directions, then K-means along them."""
    mean = descriptors.mean(axis=0)
    centred = descriptors - mean
    _, directions = np.linalg.eigh(centred.T @ centred)
    axes = np.ascontiguousarray(directions[:, ::-1][:, :_AXES], np.float32)
    return Codebook(mean, axes, _clustered(centred @ axes, _WORDS, seed))


def windows(local: LocalFeatures) -> list[Matrix]:
    """The descriptors of an image, and those of nine overlapping quarters of it.

    So that an image is found that is only a part of this one.
    """
    found = [local.descriptors]
    for top in _CORNERS:
        for left in _CORNERS:
            x, y = local.points.T
            inside = (left <= x) & (x <= left + 0.5) & (top <= y) & (y <= top + 0.5)
            if inside.sum() >= _FEWEST:
                found.append(local.descriptors[inside])
    return found


def _clustered(rows: Matrix, words: int, seed: int) -> Matrix:
    """Lloyd's K-means, from rows drawn at random."""
    rng = np.random.default_rng(seed)
    centres = rows[np.sort(rng.choice(len(rows), min(words, len(rows)), replace=False))]
    for _ in range(_ROUNDS):
        nearest = _nearest(rows, centres)
        counts = np.bincount(nearest, minlength=len(centres))[:, None]
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, rows)
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres).astype(np.float32)
    return centres


def _nearest(rows: Matrix, centres: Matrix) -> NDArray[np.intp]:
    lengths = (centres**2).sum(axis=1)
    nearest: NDArray[np.intp] = np.argmin(lengths - 2 * (rows @ centres.T), axis=1)
    return nearest
