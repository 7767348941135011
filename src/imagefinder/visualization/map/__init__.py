"""Maps of embeddings: images in two dimensions, similar ones near each other."""

from imagefinder.visualization.map.map import Map, make_map
from imagefinder.visualization.map.projection import Projection
from imagefinder.visualization.map.raster import MapImage, draw
from imagefinder.visualization.map.save import SavedMap, check_file_name, save

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
