"""Classic encoder without weights: PHOG gradient histograms and color histograms on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import unit
from imagefinder.types import Features, Image, Measure, Resize

_ORIENTATIONS = 8
_LEVELS = 6  # per color channel
_EDGE_GRIDS = (1, 2, 4)
_COLOR_GRIDS = (1, 2)
_SIDE = 128
_COLOR_SIDE = 32  # colors vary slowly: a sixteenth of the pixels is enough

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Classic:
    """Spatial pyramids of gradient orientations and of colors, each half of the squared norm.

    Orientations: Bosch, Zisserman and Munoz, "Representing shape with a spatial pyramid kernel",
    CIVR 2007, with the square roots of Arandjelović and Zisserman's RootSIFT (CVPR 2012). Colors:
    histograms with linear interpolation between the nearest bins, over a coarser pyramid. Rows have
    unit length; a uniform image still has its color.
    """

    dim: ClassVar[int] = _ORIENTATIONS * sum(g * g for g in _EDGE_GRIDS) + _LEVELS**3 * sum(
        g * g for g in _COLOR_GRIDS
    )
    measure: ClassVar[Measure] = "cosine"
    resize: ClassVar[Resize] = Resize(_SIDE, _SIDE, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each."""
        if not images:
            return []
        pixels = np.stack(images) * np.float32(1 / 255)
        rows = unit(np.hstack([_rooted(_orientations(pixels)), _rooted(_colors(pixels))]))
        return [row[None] for row in rows]


def _orientations(pixels: Array) -> Array:
    """Pyramids of gradient magnitudes, interpolated between the two nearest orientation bins."""
    luminance = np.sqrt(pixels @ np.full(3, 1 / 3, np.float32))
    vertical, horizontal = np.gradient(luminance, axis=(1, 2))
    angle = np.arctan2(vertical, horizontal) / np.float32(np.pi)
    # from -1 to 1; opposite directions are the same
    bins, shares = _nearest_two((angle + 1) * _ORIENTATIONS)
    magnitude = np.hypot(vertical, horizontal)
    cells = _cells(len(pixels), _SIDE, max(_EDGE_GRIDS)) * _ORIENTATIONS
    total = len(pixels) * max(_EDGE_GRIDS) ** 2 * _ORIENTATIONS
    histograms = sum(
        np.bincount((cells + one % _ORIENTATIONS).ravel(), (magnitude * share).ravel(), total)
        for one, share in zip(bins, shares, strict=True)
    )
    return _pyramid(np.asarray(histograms), _EDGE_GRIDS, _ORIENTATIONS)


def _colors(pixels: Array) -> Array:
    """Pyramids of color histograms, each pixel interpolated between its eight nearest bins."""
    block = _SIDE // _COLOR_SIDE
    rows = pixels.reshape(len(pixels), _COLOR_SIDE, block, _SIDE * 3).sum(axis=2)
    means = rows.reshape(len(pixels), _COLOR_SIDE, _COLOR_SIDE, block, 3).sum(axis=3) / block**2
    channels = [_nearest_two(means[..., channel] * (_LEVELS - 1)) for channel in range(3)]
    cells = _cells(len(pixels), _COLOR_SIDE, max(_COLOR_GRIDS))
    histograms = np.zeros(len(pixels) * max(_COLOR_GRIDS) ** 2 * _LEVELS**3)
    for corner in product((0, 1), repeat=3):
        bins, share = cells, np.ones_like(means[..., 0])
        for (near, shares), side in zip(channels, corner, strict=True):
            # the upper neighbor of the top level has no weight: any bin will do
            bins, share = bins * _LEVELS + np.minimum(near[side], _LEVELS - 1), share * shares[side]
        histograms += np.bincount(bins.ravel(), share.ravel(), len(histograms))
    return _pyramid(histograms, _COLOR_GRIDS, _LEVELS**3)


def _nearest_two(position: Array) -> tuple[list[NDArray[np.int64]], list[Array]]:
    """The integers below and above each position, and its weight in each."""
    low = position.astype(np.int64)
    above = position - low.astype(np.float32)
    return [low, low + 1], [1 - above, above]


def _cells(images: int, side: int, grid: int) -> NDArray[np.int64]:
    """The cell of each pixel in a grid × grid, numbered through all images."""
    line = np.arange(side) * grid // side
    cells: NDArray[np.int64] = line[:, None] * grid + line
    return np.arange(images)[:, None, None] * grid**2 + cells


def _pyramid(histograms: NDArray[np.float64], grids: Sequence[int], channels: int) -> Array:
    """Rows over all grids, summed from the histograms of the finest one."""
    finest = max(grids)
    levels = []
    for grid in grids:
        merged = finest // grid
        cells = histograms.reshape(-1, grid, merged, grid, merged, channels).sum(axis=(2, 4))
        levels.append(cells.reshape(len(cells), -1))
    return np.hstack(levels).astype(np.float32)


def _rooted(histograms: Array) -> Array:
    return unit(np.sqrt(histograms))
