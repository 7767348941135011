"""A catalogue's pictures on a plane, where those that look alike lie near each other."""

from imagefinder.mapping.map import Map, make_map
from imagefinder.mapping.picture import Drawn, draw
from imagefinder.mapping.projection import By
from imagefinder.mapping.saving import Saved, check_name, save

__all__ = ["By", "Drawn", "Map", "Saved", "check_name", "draw", "make_map", "save"]
