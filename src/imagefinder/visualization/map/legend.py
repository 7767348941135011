"""Color legend: the colors of groups of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

COLORS = (
    "#4269d0",
    "#efb118",
    "#ff725c",
    "#3ca951",
    "#a463f2",
    "#6cc5b0",
    "#ff8ab7",
    "#9c6b4e",
    "#97bbf5",
    "#c2185b",
    "#117a8b",
    "#8a9a2b",
)
"""Distinct on white and on black."""

OTHERS = "#9498a0"


@dataclass(frozen=True)
class Legend:
    """Names and colors, the largest group first; groups without a color of their own come last.

    ``codes[i]`` is the position of the i-th image's group in both.
    """

    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()


def make_legend(groups: Sequence[str | None]) -> Legend:
    """From the group of each image; empty where there are no groups."""
    sizes = Counter(group for group in groups if group is not None)
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    named = ranked[: len(COLORS)]
    positions: dict[str | None, int] = {name: position for position, name in enumerate(named)}
    codes = tuple(positions.get(group, len(named)) for group in groups)
    if len(named) not in codes:
        return Legend(tuple(named), COLORS[: len(named)], codes)
    return Legend((*named, "others"), (*COLORS[: len(named)], OTHERS), codes)
