"""Vectors out of a catalogue and into one, with all that is known of their pictures."""

from imagefinder.exchange.exporting import export_vectors
from imagefinder.exchange.importing import import_vectors
from imagefinder.exchange.places import check, place_of

__all__ = ["check", "export_vectors", "import_vectors", "place_of"]
