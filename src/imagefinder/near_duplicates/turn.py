"""Whether one copy is turned by a quarter or mirrored against another."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from imagefinder.images.ncc import align
from imagefinder.near_duplicates.traits import Appearance

Turn: TypeAlias = Literal["none", "turned", "mirrored"]

TURNS: dict[Turn, str] = {"turned": "upright", "mirrored": "not mirrored"}
"""What is said for the one that is not."""

_LEAST = 0.5  # correlation of what is aligned


@lru_cache(256)  # a group asks several times
def turn_between(one: Appearance | None, other: Appearance | None) -> Turn:
    """How the second is turned against the first; ``none`` also where it cannot be seen."""
    if one is None or other is None:
        return "none"
    (alignment,) = align(one.signature, [other.signature])
    quarters, is_mirrored = alignment.orientation
    if alignment.correlation < _LEAST:
        return "none"
    return "mirrored" if is_mirrored else "turned" if quarters else "none"
