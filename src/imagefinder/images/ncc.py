"""Near-duplicate verification: normalized cross-correlation (NCC) of aligned thumbnails.

An encoder's scores cannot tell a copy from another photograph of the same thing; pixels can. The
signatures of two images are brought into line, coarse to fine, and their brightness is compared
where they overlap: the normalized cross-correlation of Lewis, "Fast normalized cross-correlation",
1995, of patterns that are normalized locally, which removes differences of lighting and contrast.
Colors count as well: where both images have some, those of aligned pixels must agree.

An image that is plain for the most part (a blank page, an icon, a slide) resembles others like it
whatever they say, so such images must correlate almost perfectly, and those that show next to
nothing prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import CombinedCalls
from imagefinder.images.coarse_alignment import NOISE, Floats, Starts, starts, window_mean
from imagefinder.images.refined_alignment import (
    AffineFits,
    Pairs,
    compared,
    inverted,
    overlaps,
    pyramids,
    refined,
)
from imagefinder.types import Signature

MIN_CONTENT = 0.05
"""With less content than this an image cannot be compared: a page with one line of text has 0.02,
photographs have from 0.26."""
_PLAIN = 0.28  # printed lines have from 0.31, slides 0.7; of 319 photographs none over 0.23
_SHIFT = 4  # coarse pixels, an eighth of the side
_COARSE = 32
_FAINT = 0.01  # variance of a square that is all but blank

_COLORFUL = 6.0  # average chroma of an image whose colors count

_HOPELESS = 0.45  # a coarse correlation that hardly any copy has
_UNLIKELY = 0.55  # the same, after the first stage
_STAGES = ((16, 5, 4), (32, 5, 3), (48, 5, 2))  # points along a side, window, iterations
_COMPARED = (64, 5)  # points along a side, window
_UNPROVEN = 0.5  # what is not refined is said to correlate no better
_SCALES = 0.4, 2.5  # of the query in the other, along any direction
_LARGEST_RATIO = 2.2  # of the scales along two directions
_SMALLEST_OVERLAP = 0.1  # of both images
_ENOUGH_OVERLAP = 0.4  # of one of them


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a query lies in another image, and how well the two agree there."""

    correlation: float
    """Normalized cross-correlation where they overlap; 1 is identical."""
    trimmed: float
    """The same without the quarter of the area that differs most, such as a caption."""
    overlap: float
    """The share of the query's area that they have in common."""
    other_overlap: float
    """The share of the other's area."""
    color: float | None
    """The cosine of their Cb and Cr there; None if either is gray."""
    orientation: tuple[int, bool]
    """Counterclockwise quarter turns of the other, and whether it is mirrored after them."""
    matrix: NDArray[np.float32]
    """``(2, 3)``: from x and y in the query to x and y in the other, as fractions of the sides."""


def align(query: Signature, others: Sequence[Signature]) -> list[Alignment]:
    """The best alignment with each of the others.

    What several threads ask for at a time is computed together, which takes much less time.
    """
    return _together((query, others)) if others else []


def _align_all(searches: Sequence[tuple[Signature, Sequence[Signature]]]) -> list[list[Alignment]]:
    """The best alignment of each query with each of its others."""
    candidates = _Candidates.of(searches)
    coarse = candidates.starts()
    unproven = coarse.correlations.clip(-1, _UNPROVEN)
    found, trimmed = AffineFits(unproven, coarse.matrices.copy()), unproven.copy()
    rows = np.flatnonzero(coarse.correlations > _HOPELESS)
    if len(rows):
        fits, agreed, chosen = _refined(candidates.pairs(rows), coarse.matrices[rows])
        rows = rows[chosen]
        trimmed[rows] = agreed
        found.correlations[rows] = fits.correlations
        found.matrices[rows] = fits.matrices
    described = iter(_described(candidates, found, trimmed, coarse.orientations))
    return [list(islice(described, len(others))) for _, others in searches]


_together = CombinedCalls(_align_all, most=32)


class _Candidates(NamedTuple):
    """n images that may be copies of q queries."""

    queries: list[Signature]
    others: list[Signature]
    owners: NDArray[np.intp]
    """``(n,)``: the rows of their queries, ascending."""

    @classmethod
    def of(cls, searches: Sequence[tuple[Signature, Sequence[Signature]]]) -> _Candidates:
        """Of each query and its others."""
        counts = [len(others) for _, others in searches]
        return cls(
            [query for query, _ in searches],
            [other for _, others in searches for other in others],
            np.repeat(np.arange(len(searches)), counts),
        )

    def starts(self) -> Starts:
        """Where to begin, ``(n,)``."""
        brightness = _brightness(self.others)
        ends = np.searchsorted(self.owners, np.arange(1, len(self.queries)))
        found = [
            starts(query, others)
            for query, others in zip(
                _brightness(self.queries), np.split(brightness, ends), strict=True
            )
        ]
        return Starts(*(np.concatenate(each) for each in zip(*found, strict=True)))

    def pairs(self, rows: NDArray[np.intp]) -> Pairs:
        """Some of them, to be refined."""
        others = _brightness([self.others[row] for row in rows])
        queries = pyramids(_brightness(self.queries))
        return Pairs(queries, pyramids(others), self.owners[rows], np.arange(len(rows)))


def _brightness(signatures: Sequence[Signature]) -> Floats:
    return np.stack([one.pattern for one in signatures]).astype(np.float32)


def is_sparse(one: Signature) -> bool:
    """Whether it is mostly plain, so that others look like it whatever they show."""
    return one.content < MIN_CONTENT or one.plain > _PLAIN


def shifted_ncc(one: Signature, other: Signature) -> float:
    """The best correlation over small shifts, as between shots of one moment; 1 is identical."""
    left, right = (_normalized(each) for each in (one, other))
    steps = range(-_SHIFT, _SHIFT + 1)
    return max(_ncc(*_overlap(left, right, down, across)) for down in steps for across in steps)


def _overlap(one: Floats, other: Floats, down: int, across: int) -> tuple[Floats, Floats]:
    """What two squares share if the second is moved by so many pixels."""
    rows, columns = _COARSE - abs(down), _COARSE - abs(across)
    top, left = max(down, 0), max(across, 0)
    return (
        one[top : top + rows, left : left + columns],
        other[top - down : top - down + rows, left - across : left - across + columns],
    )


def _ncc(one: Floats, other: Floats) -> float:
    deviation = np.sqrt((one.var() + _FAINT) * (other.var() + _FAINT))
    return float(((one - one.mean()) * (other - other.mean())).mean() / deviation)


def _refined(pairs: Pairs, matrices: Floats) -> tuple[AffineFits, Floats, NDArray[np.intp]]:
    """Those pairs that may be copies, their trimmed correlations, and which they are."""
    fits = refined(pairs, matrices, *_STAGES[0])
    chosen = np.flatnonzero(fits.correlations > _UNLIKELY)
    fits = fits.take(chosen)
    if not len(chosen):
        return fits, fits.correlations, chosen
    pairs = pairs.take(chosen)
    for stage in _STAGES[1:]:
        fits = refined(pairs, fits.matrices, *stage)
    correlations, trimmed = compared(pairs, fits.matrices, *_COMPARED)
    plausible = np.flatnonzero(_plausible(fits.matrices))
    fits = AffineFits(correlations, fits.matrices).take(plausible)
    return fits, trimmed[plausible], chosen[plausible]


def _plausible(matrices: Floats) -> NDArray[np.bool_]:
    """Whether a person could have made the second image from the first, ``(b,)``."""
    scales = np.linalg.svd(matrices[..., :2], compute_uv=False)
    query, other = overlaps(matrices)
    return np.asarray(
        (scales[:, 1] >= 1 / _SCALES[1])
        & (scales[:, 0] <= 1 / _SCALES[0])
        & (scales[:, 0] <= _LARGEST_RATIO * scales[:, 1])
        & (np.minimum(query, other) >= _SMALLEST_OVERLAP)
        & (np.maximum(query, other) >= _ENOUGH_OVERLAP)
    )


def _described(
    candidates: _Candidates, found: AffineFits, trimmed: Floats, orientations: NDArray[np.intp]
) -> list[Alignment]:
    own, theirs = overlaps(found.matrices)
    colors = _color_cosines(candidates, found.matrices)
    back = inverted(found.matrices)[:, ::-1][:, :, [1, 0, 2]]
    return [
        Alignment(
            float(found.correlations[row]),
            float(trimmed[row]),
            float(own[row]),
            float(theirs[row]),
            colors[row],
            (int(orientations[row]) // 2, bool(orientations[row] % 2)),
            back[row],
        )
        for row in range(len(trimmed))
    ]


def _color_cosines(candidates: _Candidates, matrices: Floats) -> list[float | None]:
    """How well the hues of aligned pixels agree; None if either image is gray."""
    side = candidates.queries[0].chroma.shape[1]
    centers = (np.arange(side, dtype=np.float32) + 0.5) / side
    points = np.stack(np.meshgrid(centers, centers, indexing="ij")).reshape(2, -1)
    places = np.floor((matrices[..., :2] @ points + matrices[..., 2:]) * side).astype(np.intp)
    inside = ((places >= 0) & (places < side)).all(axis=1)
    places = places.clip(0, side - 1)
    queries = np.stack([one.chroma for one in candidates.queries], 1).astype(np.float32)
    rows = candidates.owners[:, None] * side**2 + places[:, 0] * side + places[:, 1]
    moved = queries.reshape(2, -1).take(rows, 1)
    still = np.stack([one.chroma for one in candidates.others], 1).astype(np.float32)
    still = still.reshape(moved.shape)
    still *= inside
    area = np.maximum(inside.sum(axis=1), 1)
    (chroma, own), (their_chroma, theirs) = (_chroma(each * inside) for each in (moved, still))
    colorful = np.minimum(chroma, their_chroma) / area
    products = np.einsum("inp,inp->n", moved, still)
    cosines = products / np.sqrt(np.maximum(own * theirs, 1))
    return [
        float(cosine) if color >= _COLORFUL else None
        for cosine, color in zip(cosines, colorful, strict=True)
    ]


def _chroma(planes: Floats) -> tuple[Floats, Floats]:
    """The sums of chroma and of its squares, from Cb and Cr: ``(2, n, points)`` → ``(n,)``."""
    squares = planes[0] ** 2 + planes[1] ** 2
    return np.sqrt(squares).sum(axis=1), squares.sum(axis=1)


def _normalized(signature: Signature) -> Floats:
    """Brightness in the coarse size, without differences of lighting and contrast."""
    pixels = signature.pattern.astype(np.float32)
    square = pixels.reshape(_COARSE, 2, _COARSE, 2).mean(axis=(1, 3))
    box = window_mean(_COARSE, 7)
    mean = box @ square @ box.T
    variance = box @ square**2 @ box.T - mean**2
    return np.asarray((square - mean) / np.sqrt(np.maximum(variance, 0) + np.float32(NOISE**2)))
