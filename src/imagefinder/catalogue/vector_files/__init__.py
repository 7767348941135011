"""Vectors out of a catalogue and into one, with all that is known of their images."""

from imagefinder.catalogue.vector_files.export import export_vectors
from imagefinder.catalogue.vector_files.formats import check, place_of
from imagefinder.catalogue.vector_files.import_ import import_vectors

__all__ = ["check", "export_vectors", "import_vectors", "place_of"]
