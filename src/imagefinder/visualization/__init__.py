"""Visualization: maps of embeddings, HTML pages and plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.visualization.map import (
        Map,
        MapImage,
        Projection,
        SavedMap,
        draw,
        make_map,
        save,
    )

__all__ = ["Map", "MapImage", "Projection", "SavedMap", "draw", "make_map", "save"]


def __getattr__(name: str) -> Any:
    """Maps, which are imported only when they are needed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from imagefinder.visualization import map as maps

    return getattr(maps, name)
