"""Visualization: maps of embeddings, HTML pages and plots."""

from imagefinder.visualization.map import (
    Map,
    MapImage,
    Projection,
    SavedMap,
    check_file_name,
    draw,
    make_map,
    save,
)

__all__ = [
    "Map",
    "MapImage",
    "Projection",
    "SavedMap",
    "check_file_name",
    "draw",
    "make_map",
    "save",
]
