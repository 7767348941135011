"""Perceptual hashes: 64 bits an image, compared by the number of bits that differ.

Both follow Neal Krawetz's descriptions ("Looks Like It", 2011; "Kind of Like That", 2013) in the
form that the ``imagehash`` package gave them.
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
    """Whether each of 8 × 8 cells is darker than the one to its right."""

    dim: ClassVar[int] = 8
    measure: ClassVar[Measure] = "hamming"
    resize: ClassVar[Resize] = Resize(9, 8, filter="lanczos")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of 8 bytes each."""
        return [_packed(np.diff(_grey(image)) > 0) for image in images]


@dataclass(frozen=True)
class PHash:
    """Whether each of the 8 × 8 lowest frequencies (DCT-II of 32 × 32) is above their median."""

    dim: ClassVar[int] = 8
    measure: ClassVar[Measure] = "hamming"
    resize: ClassVar[Resize] = Resize(32, 32, filter="lanczos")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of 8 bytes each."""
        waves = _cosines(32, 8)
        # rounded, or the bits of a flat image would be those of rounding errors
        low = [np.round(waves @ _grey(image) @ waves.T, 3) for image in images]
        return [_packed(frequencies > np.median(frequencies)) for frequencies in low]


def _grey(image: Image) -> NDArray[np.float64]:
    """ITU-R 601 luma in whole steps, as Pillow's mode L."""
    luma: NDArray[np.float64] = np.round(image @ np.array([0.299, 0.587, 0.114]))
    return luma


def _packed(bits: NDArray[np.bool_]) -> Features:
    return np.packbits(bits.ravel())[None]


@cache
def _cosines(samples: int, frequencies: int) -> NDArray[np.float64]:
    """The first rows of the DCT-II matrix, not scaled: a constant factor moves no median."""
    frequency, sample = np.arange(frequencies)[:, None], np.arange(samples)[None]
    return np.cos(np.pi * frequency * (2 * sample + 1) / (2 * samples))
