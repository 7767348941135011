"""Refined alignment: affine, by the Gauss-Newton method on locally normalized brightness.

Inverse compositional alignment of Baker and Matthews, "Lucas-Kanade 20 years on", 2004, for many
pairs at once. The area that two images have in common becomes a grid of points in the other; the
query is sampled where an affine matrix says, normalized in the same windows, and the matrix is
corrected by what is left of the difference.
"""

from __future__ import annotations

from functools import cache
from math import isqrt
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
    """``pyramids`` of the queries."""
    others: Floats
    """``pyramids`` of the others."""
    query_rows: NDArray[np.intp]
    """``(b,)``: of the queries."""
    other_rows: NDArray[np.intp]
    """``(b,)``: of the others."""

    def take(self, chosen: NDArray[np.intp]) -> Pairs:
        """Only these pairs."""
        return Pairs(self.queries, self.others, self.query_rows[chosen], self.other_rows[chosen])


class AffineFits(NamedTuple):
    """How well b pairs agree, and where."""

    correlations: Floats
    """``(b,)``."""
    matrices: Floats
    """``(b, 2, 3)``: from y and x in the other to y and x in the query, as fractions."""

    def take(self, chosen: NDArray[np.intp]) -> AffineFits:
        """Only these pairs."""
        return AffineFits(self.correlations[chosen], self.matrices[chosen])


def pyramids(brightness: Floats) -> Floats:
    """The pixels of n images, ``(n, 64, 64)``, in five sizes one after the other: ``(n, p)``."""
    squares = [brightness]
    for side in _LEVELS[1:]:
        scale = area_average(side, _LEVELS[0])
        squares.append(scale @ (brightness @ scale.T))
    return np.concatenate([square.reshape(len(brightness), -1) for square in squares], 1)


def refined(pairs: Pairs, matrices: Floats, side: int, window: int, iterations: int) -> AffineFits:
    """The best of several iterations over a grid of ``side`` squared points."""
    square = _square(_common_grid(matrices))
    in_other, in_query = _levels(pairs, square, matrices, side)
    template = _normalized(in_other.sampled(square, side), window)
    descent = _descent(template, side)
    patterns = np.empty((len(matrices), 2, side**2), np.float32)
    still, moved = patterns[:, 0], patterns[:, 1]
    template = template.reshape(still.shape)
    current = in_query.in_pixels(composed(matrices, square))
    best, correlations = current, np.full(len(matrices), -1, np.float32)
    for iteration in range(iterations + 1):
        places = current @ _points(side)
        inside = in_query.inside(places)
        sampled = _normalized(in_query.interpolated(places), window)
        np.multiply(sampled.reshape(still.shape), inside, out=moved)
        np.multiply(template, inside, out=still)
        found = _correlation(patterns, inside)
        best = np.where((found > correlations)[:, None, None], current, best)
        correlations = np.maximum(correlations, found)
        if iteration < iterations:
            moved -= still
            step = descent @ moved.clip(-_OUTLIER, _OUTLIER, out=moved)[..., None]
            step = step.clip(-_LARGEST_STEP, _LARGEST_STEP).reshape(-1, 2, 3)
            # the step from the template is taken backwards: to first order, its negative
            current = composed(current, np.eye(2, 3, dtype=np.float32) - step)
    found_matrices = composed(in_query.as_fractions(best), inverted(square))
    return AffineFits(correlations, found_matrices)


def compared(pairs: Pairs, matrices: Floats, side: int, window: int) -> tuple[Floats, Floats]:
    """Normalized cross-correlation over the common area only, ``(b,)``.

    And the same without the quarter of the area that differs most, such as a caption.
    """
    square = _square(_common_grid(matrices))
    in_other, in_query = _levels(pairs, square, matrices, side)
    places = in_query.in_pixels(composed(matrices, square)) @ _points(side)
    inside = in_query.inside(places).reshape(-1, side, side)
    one, other = (
        _normalized_within(values, inside, window)
        for values in (in_other.sampled(square, side), in_query.interpolated(places))
    )
    return _correlations(one * inside, other * inside, inside)


def overlaps(matrices: Floats) -> tuple[Floats, Floats]:
    """The shares of the query and of the other that they have in common, ``(b,)`` each."""
    whole = np.broadcast_to(np.array([0.5, 0.5, 0.5, 0.5], np.float32), (len(matrices), 4))
    points = composed(matrices, _square(whole)) @ _points(32)
    other = ((points >= 0) & (points <= 1)).all(axis=1).mean(axis=1, dtype=np.float32)
    query = other * np.abs(_determinants(matrices))
    return np.minimum(query, 1), other


def inverted(matrices: Floats) -> Floats:
    """Of affine matrices, ``(b, 2, 3)``."""
    (a, b, c), (d, e, f) = matrices.transpose(1, 2, 0)
    found = np.empty_like(matrices)
    found[:, 0, 0], found[:, 0, 1], found[:, 0, 2] = e, -b, b * f - c * e
    found[:, 1, 0], found[:, 1, 1], found[:, 1, 2] = -d, a, c * d - a * f
    found /= (a * e - b * d)[:, None, None]
    return found


def _determinants(matrices: Floats) -> Floats:
    return np.asarray(matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0])


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


@cache
def _points(side: int) -> Floats:
    """y, x and 1 of points in the square of ±1, ``(3, points)``."""
    centers = (np.arange(side) + 0.5) / side * 2 - 1
    y, x = np.meshgrid(centers, centers, indexing="ij")
    return np.stack([y.ravel(), x.ravel(), np.ones(side**2)]).astype(np.float32)


class _Level(NamedTuple):
    """One size of each of b pyramids, to sample."""

    pixels: Floats
    """Of all pyramids, ``(n * p,)``."""
    starts: NDArray[np.intp]
    """``(b, 1)``: the first pixel."""
    sides: NDArray[np.intp]
    """``(b, 1)``."""
    lengths: Floats
    """The same, ``(b, 1, 1)``."""

    @classmethod
    def of(cls, pyramids: Floats, rows: NDArray[np.intp], levels: NDArray[np.intp]) -> _Level:
        """The chosen level of the pyramid of each row, ``(b,)`` both."""
        starts = np.array(_STARTS)[levels] + rows * _STARTS[-1]
        sides = np.array(_LEVELS)[levels][:, None]
        return cls(pyramids.ravel(), starts[:, None], sides, sides[..., None].astype(np.float32))

    def in_pixels(self, matrices: Floats) -> Floats:
        """``(b, 2, 3)``: to the centers of pixels, instead of fractions of the sides."""
        found = matrices * self.lengths
        found[..., 2] -= np.float32(0.5)
        return found

    def as_fractions(self, matrices: Floats) -> Floats:
        """``(b, 2, 3)``: the opposite."""
        found = matrices.copy()
        found[..., 2] += np.float32(0.5)
        found /= self.lengths
        return found

    def inside(self, places: Floats) -> Floats:
        """1 where they are within the image, else 0: ``(b, 2, points)`` → ``(b, points)``."""
        within = ((places >= -0.5) & (places <= self.lengths - np.float32(0.5))).all(axis=1)
        return np.asarray(within, np.float32)

    def sampled(self, matrices: Floats, side: int) -> Floats:
        """Where matrices lead from the square of ±1, ``(b, side, side)``."""
        return self.interpolated(self.in_pixels(matrices) @ _points(side))

    def interpolated(self, places: Floats) -> Floats:
        """Bilinear interpolation: ``(b, 2, points)`` → ``(b, √points, √points)``.

        Outside, the edge goes on.
        """
        places = np.maximum(places, 0)
        np.minimum(places, self.lengths - np.float32(1.001), out=places)
        whole = places.astype(np.intp)
        places -= whole
        down, across = places[:, 0], places[:, 1]
        corner = whole[:, 0] * self.sides
        corner += whole[:, 1]
        corner += self.starts
        above = self._between(corner, across)
        corner += self.sides
        below = self._between(corner, across)
        below -= above
        below *= down
        below += above
        side = isqrt(places.shape[2])
        return below.reshape(-1, side, side)

    def _between(self, places: NDArray[np.intp], across: Floats) -> Floats:
        """Values at these places, or so much nearer to their neighbors at the right."""
        left = self.pixels.take(places)
        right = self.pixels.take(places + 1)
        right -= left
        right *= across
        right += left
        return right


def _levels(pairs: Pairs, square: Floats, matrices: Floats, side: int) -> tuple[_Level, _Level]:
    """The size of each other and of each query whose pixels lie about as far apart as points.

    Neither is sampled in a finer one than the other has.
    """
    extent = 2 * np.sqrt(square[:, 0, 0] * square[:, 1, 1])
    scale = np.sqrt(np.abs(_determinants(matrices))).clip(0.1, 10)
    apart = np.maximum(_LEVELS[0] * extent / side, np.maximum(1, 1 / scale))
    levels = np.rint(2 * np.log2([apart, apart * scale])).clip(0, len(_LEVELS) - 1).astype(np.intp)
    return (
        _Level.of(pairs.others, pairs.other_rows, levels[0]),
        _Level.of(pairs.queries, pairs.query_rows, levels[1]),
    )


def _normalized(patches: Floats, window: int) -> Floats:
    box = window_mean(patches.shape[-1], window)
    both = np.empty((2, *patches.shape), np.float32)
    both[0] = patches
    np.multiply(patches, patches, out=both[1])
    mean, deviation = box @ (both @ box.T)
    deviation -= mean * mean
    np.maximum(deviation, 0, out=deviation)
    deviation += np.float32(NOISE**2)
    np.sqrt(deviation, out=deviation)
    mean -= patches
    np.negative(mean, out=mean)
    mean /= deviation
    return np.asarray(mean)


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

    whole = correlation(rank >= 0)
    return whole, np.maximum(whole, correlation(rank >= trimmed))


def _block_sums(values: Floats) -> Floats:
    block = values.shape[1] // _BLOCKS
    blocks = values.reshape(-1, _BLOCKS, block, _BLOCKS, block)
    return np.asarray(blocks.sum(axis=(2, 4)).reshape(-1, _BLOCKS**2))


def _correlation(patterns: Floats, inside: Floats) -> Floats:
    """Of two patterns that are 0 outside, ``(b, 2, points)``."""
    area = inside.sum(axis=1)
    floor = np.float32(_ENERGY) * area + np.float32(1e-6)
    products = patterns @ patterns.transpose(0, 2, 1)
    energy = (products[:, 0, 0] + floor) * (products[:, 1, 1] + floor)
    found = products[:, 0, 1] / np.sqrt(energy)
    return np.where(area < _LEAST * inside.shape[1], np.float32(-1), found)


def _descent(template: Floats, side: int) -> Floats:
    """Of steepest descent, by the inverse of the damped Hessian: ``(b, 6, points)``."""
    slopes = np.empty((len(template), 2, side, side), np.float32)
    slopes[:, 0], slopes[:, 1] = _slope(template.swapaxes(1, 2)).swapaxes(1, 2), _slope(template)
    slopes *= np.float32(side / 2)
    descent = slopes.reshape(-1, 2, 1, side**2) * _points(side)
    descent = descent.reshape(len(template), 6, side**2)
    hessian = descent @ descent.transpose(0, 2, 1)
    mean = np.trace(hessian, axis1=1, axis2=2)[:, None, None] / 6
    damping = (np.float32(_DAMPING) * mean + np.float32(1e-3)) * np.eye(6, dtype=np.float32)
    return np.asarray(np.linalg.inv(hessian + damping) @ descent)


def _slope(values: Floats) -> Floats:
    """From each value to the next along the last axis: half of the two steps around it."""
    steps = np.diff(values)
    found = np.empty_like(values)
    found[..., 0], found[..., -1] = steps[..., 0], steps[..., -1]
    found[..., 1:-1] = (steps[..., 1:] + steps[..., :-1]) / 2
    return found
