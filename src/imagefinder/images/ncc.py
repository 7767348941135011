"""Near-duplicate verification: normalized cross-correlation (NCC) of aligned thumbnails.

An encoder's scores cannot tell a copy from another photograph of the same thing; pixels can. Each
image becomes a small square whose brightness is normalized locally, which removes differences of
lighting and contrast. One square is then rotated, mirrored and scaled about its center over a grid
of transformations, and the best correlation counts: the normalized cross-correlation of Lewis,
"Fast normalized cross-correlation", 1995, over the area where the two overlap. Colors count as
well: where both images have some, those of aligned pixels must agree.

An image that is plain for the most part (a blank page, an icon, a slide) resembles others like it
whatever they say, so such images must correlate almost perfectly, and those that show next to
nothing prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Signature

NCC_THRESHOLD = 0.7
"""From this correlation on, two images count as copies: 98 % of copies reach it, and 0.6 % of the
most similar other photographs (docs/figures.md)."""

MIN_CONTENT = 0.05
"""With less content than this an image cannot be compared: a page with one line of text has 0.02,
photographs have from 0.26."""
_PLAIN = 0.4  # slides have 0.7, of 319 photographs none more than 0.23; copies above must reach
_SPARSE_THRESHOLD = 0.93  # slides with the same layout reach 0.9, a slide and its JPEG 0.95
_SHIFT = 4  # coarse pixels, an eighth of the side
_COLORFUL = 6.0  # average chroma of an image whose colors count
_MIN_COLOR_COSINE = 0.5

_FINE = 64
_COARSE = 32
_RADIUS = 6  # pixels on each side of the local window
_NOISE = 4.0  # gray levels
_FAINT = 0.01  # variance of a square that is all but blank
_ORIENTATIONS = 8
_ANGLES = (-12, -8, -4, 0, 4, 8, 12)  # degrees
_SCALES = (0.5, 0.54, 0.58, 0.62, 0.66, 0.7, 0.75, 0.81, 0.87, 0.93)


def are_copies(one: Signature, others: Sequence[Signature]) -> list[bool | None]:
    """Whether each of the others shows the same pixels; None where too little can be seen."""
    if one.content < MIN_CONTENT:
        return [None] * len(others)
    return [
        _is_copy(one, other, correlation, alignment)
        for other, (correlation, alignment) in zip(others, _best(one, others), strict=True)
    ]


def is_sparse(one: Signature) -> bool:
    """Whether it is mostly plain, so that others look like it whatever they show."""
    return one.content < MIN_CONTENT or one.plain > _PLAIN


def max_ncc(one: Signature, others: Sequence[Signature]) -> NDArray[np.float32]:
    """The best correlation with each of the others, ``(n,)``; 1 is identical."""
    return np.array([correlation for correlation, _ in _best(one, others)], np.float32)


def shifted_ncc(one: Signature, other: Signature) -> float:
    """The best correlation over small shifts, as between shots of one moment; 1 is identical."""
    left, right = (_box_filter(_normalized(each))[::2, ::2] for each in (one, other))
    steps = range(-_SHIFT, _SHIFT + 1)
    return max(_ncc(*_overlap(left, right, down, across)) for down in steps for across in steps)


def _overlap(
    one: NDArray[np.float32], other: NDArray[np.float32], down: int, across: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What two squares share if the second is moved by so many pixels."""
    rows, columns = _COARSE - abs(down), _COARSE - abs(across)
    top, left = max(down, 0), max(across, 0)
    return (
        one[top : top + rows, left : left + columns],
        other[top - down : top - down + rows, left - across : left - across + columns],
    )


def _ncc(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    deviation = np.sqrt((one.var() + _FAINT) * (other.var() + _FAINT))
    return float(((one - one.mean()) * (other - other.mean())).mean() / deviation)


class _Alignment(NamedTuple):
    """How the first of two squares is moved, and the second is turned."""

    row: int
    """Of the grid."""
    orientation: int


def _is_copy(
    one: Signature, other: Signature, correlation: float, alignment: _Alignment
) -> bool | None:
    if other.content < MIN_CONTENT:
        return None
    if correlation < NCC_THRESHOLD or not _same_colors(one, other, alignment):
        return False
    if max(one.plain, other.plain) > _PLAIN:
        return True if correlation >= _SPARSE_THRESHOLD else None
    return True


def _same_colors(one: Signature, other: Signature, alignment: _Alignment) -> bool:
    """Whether the hues of aligned pixels agree, or either image is gray."""
    grid = _grid()
    inside = grid.inside[alignment.row] > 0
    moved = np.stack(
        [plane.ravel()[grid.sources[alignment.row]] for plane in _enlarged(one.chroma)]
    )
    turned = [
        _orientations(plane[::2, ::2])[:, alignment.orientation]
        for plane in _enlarged(other.chroma)
    ]
    left, right = moved[:, inside], np.stack(turned)[:, inside]
    if min(_colorfulness(left), _colorfulness(right)) < _COLORFUL:
        return True
    cosine = (left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum())
    return bool(cosine >= _MIN_COLOR_COSINE)


def _enlarged(chroma: NDArray[np.int8]) -> NDArray[np.float32]:
    times = _FINE // chroma.shape[1]
    return chroma.repeat(times, 1).repeat(times, 2).astype(np.float32)


def _normalized(signature: Signature) -> NDArray[np.float32]:
    """Brightness without differences of lighting and contrast: locally about 0, roughly ±1."""
    square = _blur(signature.pattern.astype(np.float64))
    normalized = (square - _local_mean(square)) / np.hypot(_deviation(square), _NOISE)
    return normalized.astype(np.float32)


def _colorfulness(chroma: NDArray[np.float32]) -> float:
    return float(np.hypot(*chroma).mean())


def _best(one: Signature, others: Sequence[Signature]) -> list[tuple[float, _Alignment]]:
    """For each of the others the best correlation over all alignments, and where it is.

    Zero-mean normalized cross-correlation, computed for all alignments as one matrix product.
    """
    if not others:
        return []
    grid = _grid()
    moved = _box_filter(_normalized(one)).ravel()[grid.sources] * grid.inside
    moved -= grid.inside * (moved.sum(axis=1, keepdims=True) / grid.area)
    squares = [_box_filter(_normalized(other))[::2, ::2] for other in others]
    still = np.concatenate([_orientations(square) for square in squares], 1)
    variance = grid.inside @ still**2 / grid.area - (grid.inside @ still / grid.area) ** 2
    own = (moved**2).sum(axis=1, keepdims=True) / grid.area
    norm = np.sqrt((own + _FAINT) * (np.maximum(variance, 0) + _FAINT))
    ncc = moved @ still / grid.area / norm
    best = ncc.reshape(len(ncc), len(others), _ORIENTATIONS).transpose(1, 0, 2)
    found = best.reshape(len(others), -1)
    places = found.argmax(axis=1)
    return [
        (float(line[place]), _Alignment(*divmod(int(place), _ORIENTATIONS)))
        for line, place in zip(found, places, strict=True)
    ]


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


def _orientations(square: NDArray[np.float32]) -> NDArray[np.float32]:
    """A square rotated by each quarter turn, and the mirror images of these, ``(pixels, 8)``."""
    quarters = [np.rot90(square, quarter) for quarter in range(4)]
    return np.stack([one.ravel() for side in quarters for one in (side, side[:, ::-1])], axis=1)


def _blur(gray: NDArray[np.float64]) -> NDArray[np.float64]:
    for _ in range(2):
        padded = np.pad(gray, ((1, 1), (0, 0)), mode="edge")
        gray = ((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4).T
    return gray


def _deviation(values: NDArray[np.float64], radius: int = _RADIUS) -> NDArray[np.float64]:
    """The standard deviation in the window around each pixel."""
    variance = _local_mean(values**2, radius) - _local_mean(values, radius) ** 2
    return np.sqrt(np.maximum(variance, 0))


def _local_mean(values: NDArray[np.float64], radius: int = _RADIUS) -> NDArray[np.float64]:
    """The mean of the window around each pixel, by a summed-area table."""
    side = 2 * radius + 1
    sums = np.pad(values, radius, mode="reflect").cumsum(0).cumsum(1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    rows = sums[side:] - sums[:-side]
    return np.asarray((rows[:, side:] - rows[:, :-side]) / side**2)


def _box_filter(square: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of each pixel and its three neighbors to the right and below."""
    padded = np.pad(square, ((0, 1), (0, 1)), mode="edge")
    rows = padded[:-1] + padded[1:]
    return np.asarray((rows[:, :-1] + rows[:, 1:]) / 4, np.float32)
