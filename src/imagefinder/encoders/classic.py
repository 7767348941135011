"""An encoder without weights: where edges run which way, and which colours lie where."""

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
_LEVELS = 6  # of each colour channel
_EDGE_GRIDS = (1, 2, 4)
_COLOUR_GRIDS = (1, 2)
_SIDE = 128
_COLOUR_SIDE = 32  # colours vary slowly: a sixteenth of the pixels says as much

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Classic:
    """Pyramids of gradient orientations and of colours, each half of the squared length.

    Orientations: Bosch, Zisserman and Munoz, "Representing shape with a spatial pyramid kernel",
    CIVR 2007, with the square roots of Arandjelović and Zisserman's RootSIFT (CVPR 2012). Colours:
    histograms in which each pixel is shared linearly between the nearest bins, over a coarser
    pyramid. Rows have unit length; an image of one flat colour still has its colours.
    """

    dim: ClassVar[int] = _ORIENTATIONS * sum(g * g for g in _EDGE_GRIDS) + _LEVELS**3 * sum(
        g * g for g in _COLOUR_GRIDS
    )
    measure: ClassVar[Measure] = "cosine"
    resize: ClassVar[Resize] = Resize(_SIDE, _SIDE, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each."""
        if not images:
            return []
        pixels = np.stack(images) * np.float32(1 / 255)
        rows = unit(np.hstack([_rooted(_orientations(pixels)), _rooted(_colours(pixels))]))
        return [row[None] for row in rows]


def _orientations(pixels: Array) -> Array:
    """Pyramids of the gradient's length, shared between the two bins nearest its direction."""
    light = np.sqrt(pixels @ np.full(3, 1 / 3, np.float32))
    down, across = np.gradient(light, axis=(1, 2))
    turn = np.arctan2(down, across) / np.float32(np.pi)  # -1 to 1; opposite directions are one
    bins, shares = _nearest_two((turn + 1) * _ORIENTATIONS)
    length = np.hypot(down, across)
    cells = _cells(len(pixels), _SIDE, max(_EDGE_GRIDS)) * _ORIENTATIONS
    total = len(pixels) * max(_EDGE_GRIDS) ** 2 * _ORIENTATIONS
    histograms = sum(
        np.bincount((cells + one % _ORIENTATIONS).ravel(), (length * share).ravel(), total)
        for one, share in zip(bins, shares, strict=True)
    )
    return _pyramid(np.asarray(histograms), _EDGE_GRIDS, _ORIENTATIONS)


def _colours(pixels: Array) -> Array:
    """Pyramids of colours, each pixel shared between the eight bins nearest to it."""
    block = _SIDE // _COLOUR_SIDE
    rows = pixels.reshape(len(pixels), _COLOUR_SIDE, block, _SIDE * 3).sum(axis=2)
    means = rows.reshape(len(pixels), _COLOUR_SIDE, _COLOUR_SIDE, block, 3).sum(axis=3) / block**2
    channels = [_nearest_two(means[..., channel] * (_LEVELS - 1)) for channel in range(3)]
    cells = _cells(len(pixels), _COLOUR_SIDE, max(_COLOUR_GRIDS))
    histograms = np.zeros(len(pixels) * max(_COLOUR_GRIDS) ** 2 * _LEVELS**3)
    for corner in product((0, 1), repeat=3):
        bins, share = cells, np.ones_like(means[..., 0])
        for (near, shares), side in zip(channels, corner, strict=True):
            # the upper neighbour of the top level has no share: any bin will do for it
            bins, share = bins * _LEVELS + np.minimum(near[side], _LEVELS - 1), share * shares[side]
        histograms += np.bincount(bins.ravel(), share.ravel(), len(histograms))
    return _pyramid(histograms, _COLOUR_GRIDS, _LEVELS**3)


def _nearest_two(position: Array) -> tuple[list[NDArray[np.int64]], list[Array]]:
    """The whole numbers below and above each position, and its share in each."""
    low = position.astype(np.int64)
    above = position - low.astype(np.float32)
    return [low, low + 1], [1 - above, above]


def _cells(images: int, side: int, grid: int) -> NDArray[np.int64]:
    """The number of each pixel's cell in a grid × grid, counted on through all images."""
    line = np.arange(side) * grid // side
    cells: NDArray[np.int64] = line[:, None] * grid + line
    return np.arange(images)[:, None, None] * grid**2 + cells


def _pyramid(histograms: NDArray[np.float64], grids: Sequence[int], channels: int) -> Array:
    """From the finest grid's histograms, rows over all grids, each grid with the same total."""
    finest = max(grids)
    levels = []
    for grid in grids:
        merged = finest // grid
        cells = histograms.reshape(-1, grid, merged, grid, merged, channels).sum(axis=(2, 4))
        levels.append(cells.reshape(len(cells), -1))
    return np.hstack(levels).astype(np.float32)


def _rooted(histograms: Array) -> Array:
    return unit(np.sqrt(histograms))
