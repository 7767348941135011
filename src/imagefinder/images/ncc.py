"""Whether two images are one image, changed: by their pixels, laid over each other.

Scores of an encoder cannot tell a copy from another photograph of the same thing; pixels can. Each
image becomes a small square whose brightness is made even in every place, which takes away light,
contrast and colour. One square is then turned, mirrored, and scaled about its centre in every way
of a grid, and the closest fit counts: the normalised cross-correlation of Lewis, "Fast normalized
cross-correlation", 1995, over where both lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.images.decode import Source, decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Resize

Look: TypeAlias = NDArray[np.float32]
"""An image's square, ``(64, 64)``: about 0 on average in every place, and within ±1 or so."""

SAME = 0.7
"""From here on two images are one: reached by 98 % of copies, and by 0.6 % of the nearest other
photographs (docs/figures.md)."""

_FINE = 64
_COARSE = 32
_FIT = Resize(2 * _FINE, 2 * _FINE)
_GREY = np.array([0.299, 0.587, 0.114])  # as ITU-R 601, and so Pillow, makes grey of colours
_NEAR = 6  # pixels to each side are a place
_NOISE = 4.0  # steps of brightness
_FRAME = 10  # steps of brightness by which one line of a frame may differ in itself
_FAINT = 0.01  # variance of a square that is all but blank
_SIDES = 8
_TURNS = (-12, -8, -4, 0, 4, 8, 12)  # degrees
_SCALES = (0.5, 0.54, 0.58, 0.62, 0.66, 0.7, 0.75, 0.81, 0.87, 0.93)


def look(source: Source, limits: Limits = LIMITS) -> Look:
    """Of an image. Raises ImageError."""
    grey = _softened(_squared(decode(source, _FIT, limits).pixels @ _GREY))
    mean = _around(grey)
    spread = np.sqrt(np.maximum(_around(grey**2) - mean**2, 0) + _NOISE**2)
    return ((grey - mean) / spread).astype(np.float32)


def likeness(one: Look, others: Sequence[Look]) -> NDArray[np.float32]:
    """How well each of the others fits over it at best, ``(n,)``: 1 for the same pixels."""
    if not others:
        return np.empty(0, np.float32)
    grid = _grid()
    moved = _halved(one).ravel()[grid.places] * grid.inside
    moved -= grid.inside * (moved.sum(axis=1, keepdims=True) / grid.area)
    still = np.concatenate([_sides(_halved(other)[::2, ::2]) for other in others], axis=1)
    spread = grid.inside @ still**2 / grid.area - (grid.inside @ still / grid.area) ** 2
    own = (moved**2).sum(axis=1, keepdims=True) / grid.area
    fits = moved @ still / grid.area / np.sqrt((own + _FAINT) * (np.maximum(spread, 0) + _FAINT))
    return np.asarray(fits.max(axis=0).reshape(len(others), _SIDES).max(axis=1))


class _Grid(NamedTuple):
    """For each way of moving a square, and each pixel of the result, where that comes from."""

    places: NDArray[np.intp]
    inside: NDArray[np.float32]
    """1 where there is such a pixel, else 0."""
    area: NDArray[np.float32]
    """Pixels that there are, ``(ways, 1)``."""


@cache
def _grid() -> _Grid:
    """All combinations of small turns and scales; mirrors and quarters are left to ``_sides``."""
    centres = (np.arange(_COARSE) + 0.5) / _COARSE - 0.5
    points = np.stack(np.meshgrid(centres, centres, indexing="ij")).reshape(2, -1)
    scales = (*_SCALES, 1.0, *(1 / scale for scale in _SCALES))
    ways = [_turned(degrees) * scale for degrees in _TURNS for scale in scales]
    # each coarse pixel is the mean of two by two fine ones, found by the first of them
    corners = np.floor((np.stack(ways) @ points + 0.5) * _FINE - 0.5 + 1e-6).astype(np.intp)
    inside = np.asarray(((corners >= 0) & (corners < _FINE - 1)).all(axis=1), np.float32)
    corners = corners.clip(0, _FINE - 2)
    places = corners[:, 0] * _FINE + corners[:, 1]
    area: NDArray[np.float32] = inside.sum(axis=1, keepdims=True)
    return _Grid(places, inside, area)


def _turned(degrees: float) -> NDArray[np.float64]:
    """A matrix of (y, x)."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def _sides(square: Look) -> NDArray[np.float32]:
    """A square in its four quarters, and those mirrored, ``(pixels, 8)``."""
    quarters = [np.rot90(square, quarter) for quarter in range(4)]
    return np.stack([one.ravel() for side in quarters for one in (side, side[:, ::-1])], axis=1)


def _squared(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """In the size of a look, without a plain frame."""
    top, bottom = _framed(grey)
    left, right = _framed(grey.T)
    image = PIL.Image.fromarray(grey.astype(np.float32))
    resized = image.resize((_FINE, _FINE), PIL.Image.Resampling.BOX, (left, top, right, bottom))
    return np.asarray(resized, np.float64)


def _framed(grey: NDArray[np.float64]) -> tuple[int, int]:
    """Where the first line that is not plain begins, and where the last one ends."""
    telling = np.flatnonzero(np.ptp(grey, axis=1) > _FRAME)
    return (int(telling[0]), int(telling[-1]) + 1) if telling.size else (0, len(grey))


def _softened(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    for _ in range(2):
        padded = np.pad(grey, ((1, 1), (0, 0)), mode="edge")
        grey = ((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4).T
    return grey


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of what is near each pixel."""
    side = 2 * _NEAR + 1
    sums = np.pad(values, _NEAR, mode="reflect").cumsum(0).cumsum(1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    tall = sums[side:] - sums[:-side]
    return np.asarray((tall[:, side:] - tall[:, :-side]) / side**2)


def _halved(square: Look) -> Look:
    """The mean of each pixel and its three neighbours to the right and below."""
    padded = np.pad(square, ((0, 1), (0, 1)), mode="edge")
    tall = padded[:-1] + padded[1:]
    return np.asarray((tall[:, :-1] + tall[:, 1:]) / 4, np.float32)
