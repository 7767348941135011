"""Visualization: HTML pages, plots and maps."""

from imagefinder.visualization.map import By, Drawn, Map, Saved, check_name, draw, make_map, save

__all__ = ["By", "Drawn", "Map", "Saved", "check_name", "draw", "make_map", "save"]
