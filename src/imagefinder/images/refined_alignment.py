"""Refined alignment: affine, by the Gauss-Newton method on locally normalized brightness.

Inverse compositional alignment of Baker and Matthews, "Lucas-Kanade 20 years on", 2004, for many
pairs at once. The area that two images have in common becomes a grid of points in the other; the
query is sampled where an affine matrix says, normalized in the same windows, and the matrix is
corrected by what is left of the difference.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder.images.coarse_alignment import NOISE, area_average, composed, window_mean

Floats: TypeAlias = NDArray[np.float32]

_LEVELS = (64, 45, 32, 23, 16)
_STARTS = (0, *np.cumsum([side**2 for side in _LEVELS]).tolist())
_SMALLEST = 0.2  # of a side: what two images have in common
_DAMPING = 1e-2  # of the mean curvature
_LARGEST_STEP = 0.2  # of the grid, per iteration
_OUTLIER = 1.0  # of normalized brightness: differences count no more than this
_ENERGY = 0.05  # added to the mean square, so that faint patterns correlate with nothing
_FINE_NOISE = 2.0  # gray levels, where nothing is to be seen of aligned pixels
_FAINT = 0.01  # the same, once pixels are aligned
_BLOCKS = 8  # along each side, for what is compared
_TRIMMED = 0.25  # of the blocks: those that differ most
_LEAST = 0.3  # of the points of the grid: fewer prove nothing


class Pairs(NamedTuple):
    """Images to sample, and which two belong together."""

    queries: Floats
    """``pixel_table`` of the query."""
    others: Floats
    """``pixel_table`` of the others."""
    rows: NDArray[np.intp]
    """``(b,)``: of the others."""

    def take(self, chosen: NDArray[np.intp]) -> Pairs:
        """Only these pairs."""
        return Pairs(self.queries, self.others, self.rows[chosen])


class AffineFits(NamedTuple):
    """How well b pairs agree, and where."""

    correlations: Floats
    """``(b,)``."""
    matrices: Floats
    """``(b, 2, 3)``: from y and x in the other to y and x in the query, as fractions."""

    def take(self, chosen: NDArray[np.intp]) -> AffineFits:
        """Only these pairs."""
        return AffineFits(self.correlations[chosen], self.matrices[chosen])


def pixel_table(brightness: Floats) -> Floats:
    """Each pixel of n images and its neighbors to the right and below, ``(n * pixels, 4)``.

    In five sizes, one after the other: ``brightness`` is ``(n, 64, 64)``.
    """
    tables = np.empty((len(brightness), _STARTS[-1], 4), np.float32)
    for side, start in zip(_LEVELS, _STARTS, strict=False):
        scale = area_average(side, _LEVELS[0])
        squares = scale @ (brightness @ scale.T) if side < _LEVELS[0] else brightness
        table = tables[:, start : start + side**2].reshape(-1, side, side, 4)
        table[..., 0] = squares
        table[:, :, :-1, 1], table[:, :, -1, 1] = squares[:, :, 1:], squares[:, :, -1]
        table[:, :-1, :, 2:], table[:, -1, :, 2:] = table[:, 1:, :, :2], table[:, -1, :, :2]
    return tables.reshape(-1, 4)


def refined(pairs: Pairs, matrices: Floats, side: int, window: int, iterations: int) -> AffineFits:
    """The best of several iterations over a grid of ``side`` squared points."""
    grid = _common_grid(matrices)
    template, in_query = _templates(pairs, grid, matrices, side, window)
    descent, inverse = _descent(template, side)
    template = template.reshape(-1, side**2)
    current = composed(matrices, _square(grid))
    best = current.copy()
    correlations = np.full(len(matrices), -1, np.float32)
    for iteration in range(iterations + 1):
        points = current[..., :2] @ _points(side)[:2] + current[..., 2:]
        inside = _inside(points)
        moved = _sampled(pairs.queries, np.zeros_like(pairs.rows), in_query, points)
        moved = _normalized(moved.reshape(-1, side, side), window).reshape(template.shape)
        found = _correlation(template * inside, moved * inside, inside)
        better = found > correlations
        correlations = np.maximum(correlations, found)
        best[better] = current[better]
        if iteration < iterations:
            difference = ((moved - template) * inside).clip(-_OUTLIER, _OUTLIER)
            step = (inverse @ (descent @ difference[..., None])).reshape(-1, 2, 3)
            current = composed(current, _inverted(step.clip(-_LARGEST_STEP, _LARGEST_STEP)))
    return AffineFits(correlations, composed(best, inverted(_square(grid))))


def compared(pairs: Pairs, matrices: Floats, side: int, window: int) -> tuple[Floats, Floats]:
    """Normalized cross-correlation over the common area only, ``(b,)``.

    And the same without the quarter of the area that differs most, such as a caption.
    """
    grid = _common_grid(matrices)
    in_other, in_query = _levels(grid, matrices, side)
    points = composed(matrices, _square(grid))
    moved_points = points[..., :2] @ _points(side)[:2] + points[..., 2:]
    inside = _inside(moved_points).reshape(-1, side, side)
    still = _sampled(pairs.others, pairs.rows, in_other, _grid_points(grid, side))
    moved = _sampled(pairs.queries, np.zeros_like(pairs.rows), in_query, moved_points)
    patterns = [
        _normalized_within(values.reshape(-1, side, side), inside, window)
        for values in (still, moved)
    ]
    one, other = (pattern * inside for pattern in patterns)
    return _correlations(one, other, inside)


def overlaps(matrices: Floats) -> tuple[Floats, Floats]:
    """The shares of the query and of the other that they have in common, ``(b,)`` each."""
    whole = np.broadcast_to(np.array([0.5, 0.5, 0.5, 0.5], np.float32), (len(matrices), 4))
    points = matrices[..., :2] @ _grid_points(whole, 32) + matrices[..., 2:]
    other = _inside(points).mean(axis=1)
    query = other * np.abs(np.linalg.det(matrices[..., :2]))
    return np.minimum(query, 1), other


def inverted(matrices: Floats) -> Floats:
    """Of affine matrices, ``(b, 2, 3)``."""
    linear = np.linalg.inv(matrices[..., :2])
    return np.concatenate([linear, -linear @ matrices[..., 2:]], -1)


def _common_grid(matrices: Floats) -> Floats:
    """What of the other the query covers: center and half the extent, y before x, ``(b, 4)``."""
    back = inverted(matrices)
    corners = back[..., :2] @ np.array([[0, 0, 1, 1], [0, 1, 0, 1]], np.float32) + back[..., 2:]
    low, high = corners.min(axis=2).clip(0, 1), corners.max(axis=2).clip(0, 1)
    apart = (high - low < _SMALLEST).any(axis=1, keepdims=True)
    low, high = np.where(apart, 0, low), np.where(apart, 1, high)
    return np.concatenate([(low + high) / 2, (high - low) / 2], 1).astype(np.float32)


def _square(grid: Floats) -> Floats:
    """From the square of ±1 to the grid, ``(b, 2, 3)``."""
    matrices = np.zeros((len(grid), 2, 3), np.float32)
    matrices[:, [0, 1], [0, 1]] = grid[:, 2:]
    matrices[:, :, 2] = grid[:, :2]
    return matrices


def _grid_points(grid: Floats, side: int) -> Floats:
    """``(b, 2, points)``."""
    return np.asarray(grid[:, 2:, None] * _points(side)[:2] + grid[:, :2, None])


@cache
def _points(side: int) -> Floats:
    """y, x and 1 of points in the square of ±1, ``(3, points)``."""
    centers = (np.arange(side) + 0.5) / side * 2 - 1
    y, x = np.meshgrid(centers, centers, indexing="ij")
    return np.stack([y.ravel(), x.ravel(), np.ones(side**2)]).astype(np.float32)


def _levels(grid: Floats, matrices: Floats, side: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The size of each other and of each query whose pixels lie about as far apart as points.

    Neither is sampled in a finer one than the other has.
    """
    extent = 2 * np.sqrt(grid[:, 2] * grid[:, 3])
    scale = np.sqrt(np.abs(np.linalg.det(matrices[..., :2]))).clip(0.1, 10)
    apart = np.maximum(_LEVELS[0] * extent / side, np.maximum(1, 1 / scale))
    last = len(_LEVELS) - 1
    in_other, in_query = np.rint(2 * np.log2([apart, apart * scale])).clip(0, last).astype(np.intp)
    return in_other, in_query


def _templates(
    pairs: Pairs, grid: Floats, matrices: Floats, side: int, window: int
) -> tuple[Floats, NDArray[np.intp]]:
    """The others on their grids, normalized; and the size to sample the query in."""
    in_other, in_query = _levels(grid, matrices, side)
    values = _sampled(pairs.others, pairs.rows, in_other, _grid_points(grid, side))
    return _normalized(values.reshape(-1, side, side), window), in_query


def _sampled(table: Floats, rows: NDArray[np.intp], levels: NDArray[np.intp], at: Floats) -> Floats:
    """Bilinear interpolation at ``(b, 2, points)``; outside, the edge goes on."""
    sides = np.array(_LEVELS)[levels][:, None]
    starts = np.array(_STARTS)[levels][:, None] + rows[:, None] * _STARTS[-1]
    sides32 = sides[..., None].astype(np.float32)
    places = np.minimum(np.maximum(at * sides32 - np.float32(0.5), 0), sides32 - np.float32(1.001))
    whole = places.astype(np.int32)
    down, across = (places - whole).transpose(1, 0, 2)
    corners = table.take(whole[:, 0] * sides + whole[:, 1] + starts, 0)
    above = corners[..., 0] + (corners[..., 1] - corners[..., 0]) * across
    below = corners[..., 2] + (corners[..., 3] - corners[..., 2]) * across
    return np.asarray(above + (below - above) * down)


def _inside(points: Floats) -> Floats:
    return np.asarray(((points >= 0) & (points <= 1)).all(axis=1), np.float32)


def _normalized(patches: Floats, window: int) -> Floats:
    box = window_mean(patches.shape[-1], window)
    mean = box @ (patches @ box.T)
    variance = box @ (patches**2 @ box.T) - mean**2
    return np.asarray((patches - mean) / np.sqrt(np.maximum(variance, 0) + np.float32(NOISE**2)))


def _normalized_within(patches: Floats, inside: Floats, window: int) -> Floats:
    """Normalized by the mean and deviation of those points in the window that are inside."""
    box = window_mean(patches.shape[-1], window)
    weight = box @ (inside @ box.T) + np.float32(1e-3)
    mean = box @ (patches * inside @ box.T) / weight
    variance = box @ (patches**2 * inside @ box.T) / weight - mean**2
    return np.asarray(
        (patches - mean) / np.sqrt(np.maximum(variance, 0) + np.float32(_FINE_NOISE**2))
    )


def _correlations(one: Floats, other: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """With all blocks, and without those that differ most: ``(b, side, side)`` → ``(b,)``."""
    products, own, theirs, area = (
        _block_sums(values) for values in (one * other, one**2, other**2, inside)
    )
    rank = (2 * products - own - theirs).argsort(axis=1).argsort(axis=1)
    trimmed = np.round(_TRIMMED * (area > 0).sum(axis=1, keepdims=True))
    enough = area.sum(axis=1) >= _LEAST * inside.shape[1] * inside.shape[2]

    def correlation(kept: NDArray[np.bool_]) -> Floats:
        product, left, right, points = (
            (values * kept).sum(axis=1) for values in (products, own, theirs, area)
        )
        floor = np.float32(_FAINT) * points + np.float32(1e-6)
        found = product / np.sqrt((left + floor) * (right + floor))
        return np.where(enough, found, np.float32(-1))

    return correlation(rank >= 0), correlation(rank >= trimmed)


def _block_sums(values: Floats) -> Floats:
    block = values.shape[1] // _BLOCKS
    blocks = values.reshape(-1, _BLOCKS, block, _BLOCKS, block)
    return np.asarray(blocks.sum(axis=(2, 4)).reshape(-1, _BLOCKS**2))


def _correlation(one: Floats, other: Floats, inside: Floats) -> Floats:
    """Of patterns that are 0 outside, ``(b, points)``."""
    area = inside.sum(axis=1) + np.float32(1e-6)
    floor = np.float32(_ENERGY) * area
    products, own, theirs = (
        np.einsum("ij,ij->i", left, right)
        for left, right in ((one, other), (one, one), (other, other))
    )
    found = products / np.sqrt((own + floor) * (theirs + floor))
    return np.where(area < _LEAST * inside.shape[1], np.float32(-1), found)


def _descent(template: Floats, side: int) -> tuple[Floats, Floats]:
    """Steepest descent, ``(b, 6, points)``, and the inverse of the damped Hessian."""
    down, across = np.gradient(template, 2 / side, axis=(1, 2))
    slopes = np.stack([down, across], 1).reshape(len(template), 2, 1, side**2)
    descent = (slopes * _points(side)).reshape(len(template), 6, side**2)
    hessian = descent @ descent.transpose(0, 2, 1)
    mean = np.trace(hessian, axis1=1, axis2=2)[:, None, None] / 6
    damping = (np.float32(_DAMPING) * mean + np.float32(1e-3)) * np.eye(6, dtype=np.float32)
    return descent, np.linalg.inv(hessian + damping)


def _inverted(step: Floats) -> Floats:
    """The inverse of identity plus a step."""
    return inverted(step + np.eye(2, 3, dtype=np.float32))
