"""Perceptual hashes, dHash and pHash: 64 bits per image, compared by Hamming distance.

Both follow Neal Krawetz's descriptions ("Looks Like It", 2011; "Kind of Like That", 2013) in the
form of the ``imagehash`` package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Features, Image, Measure, Resize


@dataclass(frozen=True)
class DHash:
    """Difference hash: whether each of 8 × 8 cells is darker than the one to its right."""

    dim: ClassVar[int] = 8
    measure: ClassVar[Measure] = "hamming"
    resize: ClassVar[Resize] = Resize(9, 8, filter="lanczos")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of 8 bytes each."""
        return [_packed(np.diff(_gray(image)) > 0) for image in images]


@dataclass(frozen=True)
class PHash:
    """DCT hash: whether each of the 8 × 8 lowest frequencies (of 32 × 32) is above the median."""

    dim: ClassVar[int] = 8
    measure: ClassVar[Measure] = "hamming"
    resize: ClassVar[Resize] = Resize(32, 32, filter="lanczos")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of 8 bytes each."""
        dct = _dct_matrix(32, 8)
        # rounded, or the bits of a uniform image would come from rounding errors
        low = [np.round(dct @ _gray(image) @ dct.T, 3) for image in images]
        return [_packed(frequencies > np.median(frequencies)) for frequencies in low]


def _gray(image: Image) -> NDArray[np.float64]:
    """ITU-R 601 luma, rounded as in Pillow's mode L."""
    luma: NDArray[np.float64] = np.round(image @ np.array([0.299, 0.587, 0.114]))
    return luma


def _packed(bits: NDArray[np.bool_]) -> Features:
    return np.packbits(bits.ravel())[None]


@cache
def _dct_matrix(samples: int, frequencies: int) -> NDArray[np.float64]:
    """The first rows of the DCT-II matrix, unscaled: a constant factor does not move the median."""
    frequency, sample = np.arange(frequencies)[:, None], np.arange(samples)[None]
    return np.cos(np.pi * frequency * (2 * sample + 1) / (2 * samples))
