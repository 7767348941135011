"""Vector files: export and import of a catalogue's vectors with the metadata of their images."""

from imagefinder.catalogue.vector_files.export import export_vectors
from imagefinder.catalogue.vector_files.formats import check, vector_file
from imagefinder.catalogue.vector_files.import_ import import_vectors

__all__ = ["check", "export_vectors", "import_vectors", "vector_file"]
