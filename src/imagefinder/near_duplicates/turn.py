"""Whether one copy is turned by a quarter or mirrored against another."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from imagefinder.near_duplicates.traits import Appearance, Gray

Turn: TypeAlias = Literal["none", "turned", "mirrored"]

TURNS: dict[Turn, str] = {"turned": "upright", "mirrored": "not mirrored"}
"""What is said for the one that is not."""

_MARGIN = 0.1  # correlation by which another way around must be better
_LEAST = 0.5  # correlation of what is the same image


def turn_between(one: Appearance | None, other: Appearance | None) -> Turn:
    """How the second is turned against the first; ``none`` also where it cannot be seen."""
    if one is None or other is None:
        return "none"
    quarters = [np.rot90(other.square, quarter) for quarter in range(4)]
    direct = [_correlation(one.square, square) for square in quarters]
    mirrored = [_correlation(one.square, square[:, ::-1]) for square in quarters]
    best = max(*direct, *mirrored)
    if best < max(_LEAST, direct[0] + _MARGIN):
        return "none"
    return "mirrored" if best in mirrored else "turned"


def _correlation(one: Gray, other: Gray) -> float:
    left, right = one - one.mean(), other - other.mean()
    return float((left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum() + 1))
