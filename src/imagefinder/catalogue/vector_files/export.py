"""Vectors out of a catalogue: written beside their place, and moved there once they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from imagefinder.catalogue.vector_files.folder import is_export
from imagefinder.catalogue.vector_files.formats import Place, place_of
from imagefinder.errors import ExchangeError
from imagefinder.types import Features, Record, Store


def export_vectors(store: Store, path: str | os.PathLike[str], force: bool = False) -> int:
    """Write every image with its vectors, in order of the keys; says how many images.

    Raises ExchangeError if something is there already, unless ``force``d to replace it.
    """
    place = place_of(path)
    _check_free(place, force)
    folder, name = place.path.parent, place.path.name
    with TemporaryDirectory(prefix=f".{name}-", dir=folder) as beside:
        fresh = type(place)(Path(beside, name))
        images = _Counted(store.iter_records())
        fresh.write(store.recipe, images)
        for new, old in zip(fresh.files, place.files, strict=True):
            if old.is_dir():
                old.rename(Path(beside, "replaced"))
            os.replace(new, old)
    return images.count


def _check_free(place: Place, force: bool) -> None:
    if not place.path.parent.is_dir():
        raise ExchangeError(f"there is no folder {place.path.parent} to export to")
    for file in place.files:
        if os.path.lexists(file) and not force:
            raise ExchangeError(f"{file} is there already: --force (force=True) replaces it")
        if file.is_dir() and not is_export(file):
            raise ExchangeError(f"{file} holds other files too: export to another place")


class _Counted:
    """Images that are counted as they pass."""

    def __init__(self, images: Iterable[tuple[Record, Features]]) -> None:
        self.count = 0
        self._images = images

    def __iter__(self) -> Iterator[tuple[Record, Features]]:
        for image in self._images:
            self.count += 1
            yield image
