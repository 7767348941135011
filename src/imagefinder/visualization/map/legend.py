"""Which group of images has which colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

COLOURS = (
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
"""To be told apart on white and on black."""

OTHERS = "#9498a0"


@dataclass(frozen=True)
class Legend:
    """Names and colours, the largest group first; those of no colour of their own share the last.

    ``codes[i]`` is the place of the i-th image's group in both.
    """

    names: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()


def legend(groups: Sequence[str | None]) -> Legend:
    """For each image's group; none of them, where there are no groups."""
    sizes = Counter(group for group in groups if group is not None)
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    named = ranked[: len(COLOURS)]
    places: dict[str | None, int] = {name: place for place, name in enumerate(named)}
    codes = tuple(places.get(group, len(named)) for group in groups)
    if len(named) not in codes:
        return Legend(tuple(named), COLOURS[: len(named)], codes)
    return Legend((*named, "others"), (*COLOURS[: len(named)], OTHERS), codes)
