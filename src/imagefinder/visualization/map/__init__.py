"""A catalogue's images on a plane, where those that look alike lie near each other."""

from imagefinder.visualization.map.map import Map, make_map
from imagefinder.visualization.map.projection import By
from imagefinder.visualization.map.raster import Drawn, draw
from imagefinder.visualization.map.save import Saved, check_name, save

__all__ = ["By", "Drawn", "Map", "Saved", "check_name", "draw", "make_map", "save"]
