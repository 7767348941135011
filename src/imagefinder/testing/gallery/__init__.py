"""The images of ``imagefinder demo``, drawn from nothing but numbers."""

from imagefinder.testing.gallery.views import SCENES, VIEWS, draw_scene, save_gallery, view_of

__all__ = ["SCENES", "VIEWS", "draw_scene", "save_gallery", "view_of"]
