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


@lru_cache(64)  # a group asks several times
def turns_against(one: Appearance | None, others: tuple[Appearance | None, ...]) -> list[Turn]:
    """How each of the others is turned against the one; ``none`` also where it cannot be seen."""
    turns: list[Turn] = ["none"] * len(others)
    seen = {number: other.signature for number, other in enumerate(others) if other is not None}
    if one is None or not seen:
        return turns
    for number, alignment in zip(seen, align(one.signature, list(seen.values())), strict=True):
        quarters, is_mirrored = alignment.orientation
        if alignment.correlation >= _LEAST:
            turns[number] = "mirrored" if is_mirrored else "turned" if quarters else "none"
    return turns
