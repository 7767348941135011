"""Near-duplicate verification: normalized cross-correlation (NCC) of aligned thumbnails.

An encoder's scores cannot tell a copy from another photograph of the same thing; pixels can. Each
image becomes a small square whose brightness is normalized locally, which removes differences of
lighting, contrast and color. One square is then rotated, mirrored and scaled about its center over
a grid of transformations, and the best correlation counts: the normalized cross-correlation of
Lewis, "Fast normalized cross-correlation", 1995, over the area where the two overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.images.decode import Source, decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.stored_files import first_readable
from imagefinder.types import Record, Resize

Signature: TypeAlias = NDArray[np.float32]
"""An image's normalized thumbnail, ``(64, 64)``: locally about 0 on average, and roughly ±1."""

NCC_THRESHOLD = 0.7
"""From this correlation on, two images count as copies: 98 % of copies reach it, and 0.6 % of the
most similar other photographs (docs/figures.md)."""

_FINE = 64
_COARSE = 32
_RESIZE = Resize(2 * _FINE, 2 * _FINE)
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601, as Pillow converts to grayscale
_RADIUS = 6  # pixels on each side of the local window
_NOISE = 4.0  # gray levels
_FRAME = 10  # gray levels that a row of a plain frame may vary by
_FAINT = 0.01  # variance of a square that is all but blank
_ORIENTATIONS = 8
_ANGLES = (-12, -8, -4, 0, 4, 8, 12)  # degrees
_SCALES = (0.5, 0.54, 0.58, 0.62, 0.66, 0.7, 0.75, 0.81, 0.87, 0.93)


def ncc_signature(source: Source, limits: Limits = LIMITS) -> Signature:
    """The signature of an image. Raises ImageError."""
    gray = _blur(_without_frame(decode(source, _RESIZE, limits).pixels @ _LUMA))
    mean = _local_mean(gray)
    deviation = np.sqrt(np.maximum(_local_mean(gray**2) - mean**2, 0) + _NOISE**2)
    return ((gray - mean) / deviation).astype(np.float32)


def stored_signature(record: Record, limits: Limits = LIMITS) -> Signature | None:
    """The signature of a stored image, or None if none of its files can be read."""
    return first_readable(record, partial(ncc_signature, limits=limits.for_stored))


def max_ncc(one: Signature, others: Sequence[Signature]) -> NDArray[np.float32]:
    """The best correlation with each of the others over all alignments, ``(n,)``; 1 is identical.

    Zero-mean normalized cross-correlation, computed for all alignments as one matrix product.
    """
    if not others:
        return np.empty(0, np.float32)
    grid = _grid()
    moved = _box_filter(one).ravel()[grid.sources] * grid.inside
    moved -= grid.inside * (moved.sum(axis=1, keepdims=True) / grid.area)
    still = np.concatenate([_orientations(_box_filter(other)[::2, ::2]) for other in others], 1)
    variance = grid.inside @ still**2 / grid.area - (grid.inside @ still / grid.area) ** 2
    own = (moved**2).sum(axis=1, keepdims=True) / grid.area
    norm = np.sqrt((own + _FAINT) * (np.maximum(variance, 0) + _FAINT))
    ncc = moved @ still / grid.area / norm
    return np.asarray(ncc.max(axis=0).reshape(len(others), _ORIENTATIONS).max(axis=1))


class _Grid(NamedTuple):
    """For each alignment and each pixel of the moved square, where that pixel comes from."""

    sources: NDArray[np.intp]
    inside: NDArray[np.float32]
    """1 where the source lies within the square, else 0."""
    area: NDArray[np.float32]
    """The number of pixels within the square, ``(alignments, 1)``."""


@cache
def _grid() -> _Grid:
    """All combinations of small rotations and scales; ``_orientations`` adds flips and quarters."""
    centers = (np.arange(_COARSE) + 0.5) / _COARSE - 0.5
    points = np.stack(np.meshgrid(centers, centers, indexing="ij")).reshape(2, -1)
    scales = (*_SCALES, 1.0, *(1 / scale for scale in _SCALES))
    matrices = [_rotation(degrees) * scale for degrees in _ANGLES for scale in scales]
    # each coarse pixel is the mean of two by two fine ones, addressed by the first of them
    corners = np.floor((np.stack(matrices) @ points + 0.5) * _FINE - 0.5 + 1e-6).astype(np.intp)
    inside = np.asarray(((corners >= 0) & (corners < _FINE - 1)).all(axis=1), np.float32)
    corners = corners.clip(0, _FINE - 2)
    sources = corners[:, 0] * _FINE + corners[:, 1]
    area: NDArray[np.float32] = inside.sum(axis=1, keepdims=True)
    return _Grid(sources, inside, area)


def _rotation(degrees: float) -> NDArray[np.float64]:
    """A rotation matrix for (y, x)."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def _orientations(square: Signature) -> NDArray[np.float32]:
    """A square rotated by each quarter turn, and the mirror images of these, ``(pixels, 8)``."""
    quarters = [np.rot90(square, quarter) for quarter in range(4)]
    return np.stack([one.ravel() for side in quarters for one in (side, side[:, ::-1])], axis=1)


def _without_frame(gray: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cropped to the inside of a plain frame and scaled to the size of a signature."""
    top, bottom = _content(gray)
    left, right = _content(gray.T)
    image = PIL.Image.fromarray(gray.astype(np.float32))
    resized = image.resize((_FINE, _FINE), PIL.Image.Resampling.BOX, (left, top, right, bottom))
    return np.asarray(resized, np.float64)


def _content(gray: NDArray[np.float64]) -> tuple[int, int]:
    """The first row that is not plain, and the row after the last one."""
    rows = np.flatnonzero(np.ptp(gray, axis=1) > _FRAME)
    return (int(rows[0]), int(rows[-1]) + 1) if rows.size else (0, len(gray))


def _blur(gray: NDArray[np.float64]) -> NDArray[np.float64]:
    for _ in range(2):
        padded = np.pad(gray, ((1, 1), (0, 0)), mode="edge")
        gray = ((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4).T
    return gray


def _local_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the window around each pixel, by a summed-area table."""
    side = 2 * _RADIUS + 1
    sums = np.pad(values, _RADIUS, mode="reflect").cumsum(0).cumsum(1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    rows = sums[side:] - sums[:-side]
    return np.asarray((rows[:, side:] - rows[:, :-side]) / side**2)


def _box_filter(square: Signature) -> Signature:
    """The mean of each pixel and its three neighbors to the right and below."""
    padded = np.pad(square, ((0, 1), (0, 1)), mode="edge")
    rows = padded[:-1] + padded[1:]
    return np.asarray((rows[:, :-1] + rows[:, 1:]) / 4, np.float32)
