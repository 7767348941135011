"""Overlays: something that was drawn over one of two copies of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagefinder.near_duplicates.traits import Appearance

Gray = NDArray[np.float32]

_DIFFERENT = 20.0  # gray levels, once lighting and contrast are the same
_MOST_DIFFERENT = 0.4  # share of pixels from which on the two are not aligned
_FEWEST = 12  # pixels of a thumbnail that differ by chance
_WHITE = 230
_EDGES = 1.5  # times as strong around what differs


def is_covered(one: Appearance, other: Appearance) -> bool:
    """Whether something was drawn over the first, as far as the two show the same otherwise.

    What was drawn has edges where the two begin to differ, and what it covers has none there, or
    none that are stronger than elsewhere. Where the other is all but white it may have lost what
    the first shows.
    """
    left = one.thumbnail.astype(np.float32)
    right = _fitted(other.thumbnail.astype(np.float32), left)
    different = (np.abs(left - right) > _DIFFERENT) & (other.thumbnail < _WHITE)
    if not _FEWEST <= different.sum() <= _MOST_DIFFERENT * different.size:
        return False
    around = _grown(different)
    border = around & ~_shrunk(different)
    own, others = _steps(left), _steps(right)
    elsewhere = (own[~around].mean() + 1) / (others[~around].mean() + 1)
    return bool(own[border].mean() > _EDGES * max(1, elsewhere**2) * others[border].mean())


def _fitted(plane: Gray, target: Gray) -> Gray:
    """With the lighting and contrast of the target, by what most pixels say."""
    spread = [np.percentile(each, (25, 50, 75)) for each in (plane, target)]
    gain = (spread[1][2] - spread[1][0] + 1) / (spread[0][2] - spread[0][0] + 1)
    return np.asarray((plane - spread[0][1]) * gain + spread[1][1], np.float32)


def _steps(plane: Gray) -> Gray:
    """How much each pixel differs from its neighbors."""
    down, across = np.gradient(plane)
    return np.asarray(np.hypot(down, across), np.float32)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return np.asarray(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:])


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return ~_grown(~mask)
