"""Coarse alignment: where in another image a query may lie, or the other in the query.

Small squares are compared by normalized cross-correlation over all shifts, for several widths and
heights of the query, three rotations and the eight orientations of a square: two matrix products
of 8-bit integers. Two levels share the work. ``_PASTED`` moves the query as a patch over a square
of the other, so the query may be a crop; ``_CUT`` compares the other with windows of the query, so
the other may be one.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

NOISE = 4.0
"""Gray levels that brightness varies by where there is nothing to see."""

_FINE = 64
_PASTED = 16
_CUT = 10
_SIZES = (8, 10, 11, 12, 13, 14, 16, 19)  # pixels of the query's side
_PASTED_SIZES = (8, 10, 11, 13, 14, 16)
_CUT_SIZES = (11, 12, 13, 14, 16, 19)
_PROPORTIONS = 1.28  # of its sides, at most, or the reverse
_ROTATIONS = (0, 8, -8)  # degrees
_ROTATED_SIZES = (11, 14, 16)
_WINDOW = 5  # pixels: the side of the square that brightness is normalized in
_ENERGY = 0.04  # added to the mean square, so that faint patterns correlate with nothing
_FAVOR = 0.4  # exponent of the area: a chance likeness is seldom large
_QUANTUM = 1 / 40  # of a normalized value, in 8 bits
_ORIENTATIONS = 8


class Starts(NamedTuple):
    """The most promising alignment with each of n others."""

    correlations: Floats
    """``(n,)``."""
    matrices: Floats
    """``(n, 2, 3)``: from y and x in the other to y and x in the query, as fractions."""
    orientations: NDArray[np.intp]
    """``(n,)``: twice the quarter turns of the other, plus 1 if it is then mirrored."""


def starts(query: Floats, others: Floats) -> Starts:
    """From brightness, ``(64, 64)`` and ``(n, 64, 64)``."""
    scores, correlations, matrices = [], [], []
    for side, moved in _moved(query).items():
        moves = _moves(side)
        favored = _favored_correlations(*moved, _turned(others, side), moves)
        best = favored.argmax(axis=1)
        score = favored[np.arange(len(best)), best]
        scores.append(score.reshape(-1, _ORIENTATIONS))
        correlations.append((score / moves.favor[best]).reshape(-1, _ORIENTATIONS))
        matrices.append(moves.matrices[best].reshape(-1, _ORIENTATIONS, 2, 3))
    # rounded, so that ties do not depend on what else is compared
    first = np.hstack(scores).round(4).argmax(axis=1)
    rows = np.arange(len(others))
    orientations = first % _ORIENTATIONS
    return Starts(
        np.hstack(correlations)[rows, first],
        composed(np.hstack(matrices)[rows, first], _orientation_matrices()[orientations]),
        orientations,
    )


def composed(outer: Floats, inner: Floats) -> Floats:
    """``outer(inner(point))`` of affine matrices, ``(..., 2, 3)``."""
    product = outer[..., :2] @ inner
    product[..., 2] += outer[..., 2]
    return np.asarray(product)


class _Moves(NamedTuple):
    """All moves of the query against a square of the other; m of them."""

    sources: NDArray[np.intp]
    """``(m, pixels)``: places in the table of all sizes; the last is outside the query."""
    corners: NDArray[np.intp]
    """``(2, 2, m)``: of what is seen of the query, places in the table of sums."""
    matrices: Floats
    """``(m, 2, 3)``: from y and x in the other to y and x in the query."""
    inside: Floats
    """``(pixels / 4 + 1, m)``: pixels of two by two that lie in the query; at last, the least sum
    of squares, for so many pixels."""
    favor: Floats
    """``(m,)``: what a correlation counts, for so many pixels."""


def _favored_correlations(
    moved: NDArray[np.int8], own: NDArray[np.int64], turned: NDArray[np.int8], moves: _Moves
) -> Floats:
    """Of each turned other with each moved query, in favor of large overlaps."""
    import numkong

    products = np.asarray(numkong.dots_packed(turned, numkong.dots_pack(moved, "int8")))
    theirs = _squares(turned) @ moves.inside
    np.sqrt(theirs, out=theirs)
    favored = products.astype(np.float32)
    favored *= moves.favor / np.sqrt(own + moves.inside[-1])
    favored /= theirs
    return favored


def _squares(turned: NDArray[np.int8]) -> Floats:
    """The mean square of two by two pixels each, and 1: ``(8 n, pixels / 4 + 1)``."""
    half = int(turned.shape[1] ** 0.5) // 2
    squares = turned.astype(np.float32)
    squares *= squares
    blocks = squares.reshape(len(turned), half, 2, 2 * half)
    rows = blocks[:, :, 0] + blocks[:, :, 1]
    means = np.ones((len(turned), half * half + 1), np.float32)
    np.add(rows[..., ::2], rows[..., 1::2], out=means[:, :-1].reshape(len(turned), half, half))
    means[:, :-1] *= np.float32(0.25)
    return means


def _moved(query: Floats) -> dict[int, tuple[NDArray[np.int8], NDArray[np.int64]]]:
    """The moved squares of a query and their sums of squares, ``(m, pixels)`` and ``(m,)``.

    For both levels.
    """
    rotated = np.where(_rotation_inside(), query.ravel()[_rotation_sources()], query.mean())
    scale, box = _all_sizes()
    scaled = scale @ rotated.reshape(-1, _FINE, _FINE) @ scale.T
    pixels = _quantized(_normalized(scaled, box))
    sums = np.zeros((len(pixels), len(scale) + 1, len(scale) + 1), np.int64)
    np.cumsum(np.square(pixels, dtype=np.int64).cumsum(axis=1), axis=2, out=sums[:, 1:, 1:])
    table = np.append(pixels, np.int8(0))
    return {
        side: (table.take(moves.sources), _within(sums, moves.corners))
        for side, moves in ((side, _moves(side)) for side in (_PASTED, _CUT))
    }


def _within(sums: NDArray[np.int64], corners: NDArray[np.intp]) -> NDArray[np.int64]:
    """The sum of each rectangle, from those of all rectangles that begin at the first pixel."""
    (first, right), (below, last) = sums.ravel().take(corners)
    return np.asarray(last - right - below + first)


def _turned(others: Floats, side: int) -> NDArray[np.int8]:
    """The others as small squares in all orientations, ``(8 n, pixels)``."""
    scale = area_average(side, _FINE)
    small = _quantized(_normalized(scale @ (others @ scale.T), window_mean(side, _WINDOW)))
    quarters = [np.rot90(small, quarter, (1, 2)) for quarter in range(4)]
    every = [turned for one in quarters for turned in (one, one[:, :, ::-1])]
    return np.stack(every, 1).reshape(-1, side * side)


def _quantized(values: Floats) -> NDArray[np.int8]:
    return (values * np.float32(1 / _QUANTUM)).clip(-127, 127).astype(np.int8)


def _normalized(squares: Floats, box: Floats) -> Floats:
    """Brightness without differences of lighting and contrast: locally about 0, roughly ±1."""
    mean = box @ squares @ box.T
    variance = box @ squares**2 @ box.T - mean**2
    return np.asarray((squares - mean) / np.sqrt(np.maximum(variance, 0) + np.float32(NOISE**2)))


@cache
def area_average(rows: int, columns: int) -> Floats:
    """The matrix that makes so many values of more values, by averages."""
    edges = np.arange(rows + 1) * columns / rows
    left = np.arange(columns)
    shares = np.minimum(edges[1:, None], left + 1) - np.maximum(edges[:-1, None], left)
    return np.asarray(shares.clip(0) * rows / columns, np.float32)


@cache
def window_mean(side: int, window: int) -> Floats:
    """The matrix that averages each value and its neighbors, as far as there are some."""
    places = np.arange(side)
    near = np.abs(places[:, None] - places) <= window // 2
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


@cache
def _all_sizes() -> tuple[Floats, Floats]:
    """Scaling to all sizes at once, ``(sum of sizes, 64)``, and the window within each size."""
    scale = np.concatenate([area_average(size, _FINE) for size in _SIZES])
    box = np.zeros((len(scale), len(scale)), np.float32)
    for start, end in pairwise(_offsets()):
        box[start:end, start:end] = window_mean(end - start, _WINDOW)
    return scale, box


def _offsets() -> list[int]:
    return [0, *np.cumsum(_SIZES).tolist()]


@cache
def _rotation_sources() -> NDArray[np.intp]:
    """For each rotation and pixel of the rotated query, the pixel it comes from."""
    places = _rotated_places().clip(0, _FINE - 1)
    return np.asarray(places[:, 0] * _FINE + places[:, 1])


@cache
def _rotation_inside() -> NDArray[np.bool_]:
    places = _rotated_places()
    return np.asarray(((places >= 0) & (places < _FINE)).all(axis=1))


def _rotated_places() -> NDArray[np.intp]:
    centers = (np.arange(_FINE) + 0.5) / _FINE
    points = np.stack(np.meshgrid(centers, centers, indexing="ij")).reshape(2, -1)
    turned = [_rotation(degrees) @ [*points, np.ones(_FINE**2)] for degrees in _ROTATIONS]
    return np.floor(np.stack(turned) * _FINE + 1e-6).astype(np.intp)


def _rotation(degrees: float) -> Floats:
    """About the center, for (y, x)."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([turn, 0.5 - turn @ [0.5, 0.5]]).astype(np.float32)


@cache
def _orientation_matrices() -> Floats:
    """From y and x in an image to those in the image turned, ``(8, 2, 3)``."""
    matrix = np.eye(2, 3, dtype=np.float32)
    quarter = np.array([[0, -1, 1], [1, 0, 0]], np.float32)
    mirror = np.array([[1, 0, 0], [0, -1, 1]], np.float32)
    matrices = []
    for _ in range(4):
        matrices += [matrix, composed(mirror, matrix)]
        matrix = composed(quarter, matrix)
    return np.stack(matrices)


@cache
def _moves(side: int) -> _Moves:
    sources, corners, matrices, inside = [], [], [], []
    for rotation, degrees in enumerate(_ROTATIONS):
        for row, column in _size_pairs(side, degrees != 0):
            for top in _tops(_SIZES[row], side):
                for left in _tops(_SIZES[column], side):
                    places = _places(rotation, row, column, side, top, left)
                    sources.append(places)
                    corners.append(_corners(rotation, row, column, side, top, left))
                    inside.append(places >= 0)
                    height, width = _SIZES[row], _SIZES[column]
                    scaling = [[side / height, 0, -top / height], [0, side / width, -left / width]]
                    matrices.append(composed(_rotation(degrees), np.array(scaling, np.float32)))
    blocks = np.array(inside).reshape(-1, side // 2, 2, side // 2, 2).sum(axis=(2, 4))
    area = blocks.sum(axis=(1, 2))
    floor = _ENERGY / _QUANTUM**2 * area
    return _Moves(
        np.array(sources),
        np.stack(corners, -1),
        np.asarray(matrices, np.float32),
        np.vstack([blocks.reshape(len(blocks), -1).T, floor]).astype(np.float32),
        np.asarray((area / _PASTED**2) ** _FAVOR, np.float32),
    )


def _size_pairs(side: int, rotated: bool) -> list[tuple[int, int]]:
    """Rows of ``_SIZES`` for the query's height and width."""
    sizes = _PASTED_SIZES if side == _PASTED else _CUT_SIZES
    return [
        (_SIZES.index(height), _SIZES.index(width))
        for height in sizes
        for width in sizes
        if (height == width and height in _ROTATED_SIZES)
        or (not rotated and max(height, width) <= _PROPORTIONS * min(height, width))
    ]


def _tops(size: int, side: int) -> range:
    """Where in a square of the other the query may start."""
    first, last = sorted((0, side - size))
    return range(first, last + 1)


def _places(
    rotation: int, row: int, column: int, side: int, top: int, left: int
) -> NDArray[np.intp]:
    """For each pixel of the other, its place in the table of all sizes; -1 is outside."""
    offsets = _offsets()
    down, across = np.arange(side) - top, np.arange(side) - left
    valid = np.logical_and.outer(
        (down >= 0) & (down < _SIZES[row]), (across >= 0) & (across < _SIZES[column])
    )
    rows = rotation * offsets[-1] + offsets[row] + down
    places = rows[:, None] * offsets[-1] + offsets[column] + across
    return np.where(valid, places, -1).ravel()


def _corners(
    rotation: int, row: int, column: int, side: int, top: int, left: int
) -> NDArray[np.intp]:
    """Places of what is seen of the query in the table of sums, ``(2, 2)``: top left first."""
    offsets = _offsets()
    ends = [
        [offsets[which] + max(0, -start), offsets[which] + min(_SIZES[which], side - start)]
        for which, start in ((row, top), (column, left))
    ]
    width = offsets[-1] + 1
    return np.asarray(rotation * width**2 + np.add.outer(np.array(ends[0]) * width, ends[1]))
