"""A catalogue's pictures on a plane, where those that look alike lie near each other."""

from imagefinder.mapping.map import Map, make_map
from imagefinder.mapping.projection import By
from imagefinder.mapping.saving import Saved, check_name, save

__all__ = ["By", "Map", "Saved", "check_name", "make_map", "save"]
