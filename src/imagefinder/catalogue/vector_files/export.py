"""Export of vectors: written to a temporary folder, and moved into place once complete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from imagefinder.catalogue.vector_files.folder import is_export
from imagefinder.catalogue.vector_files.formats import VectorFile, vector_file
from imagefinder.errors import ExchangeError
from imagefinder.types import Features, Record, Store


def export_vectors(store: Store, path: str | os.PathLike[str], force: bool = False) -> int:
    """Write every image with its vectors, in order of keys; returns the number of images.

    Raises ExchangeError if the target exists, unless ``force`` replaces it.
    """
    target = vector_file(path)
    _check_free(target, force)
    folder, name = target.path.parent, target.path.name
    with TemporaryDirectory(prefix=f".{name}-", dir=folder) as temporary:
        fresh = type(target)(Path(temporary, name))
        images = _Counted(store.iter_records())
        fresh.write(store.recipe, images)
        for new, old in zip(fresh.files, target.files, strict=True):
            if old.is_dir():
                old.rename(Path(temporary, "replaced"))
            os.replace(new, old)
    return images.count


def _check_free(target: VectorFile, force: bool) -> None:
    if not target.path.parent.is_dir():
        raise ExchangeError(f"the folder {target.path.parent} does not exist")
    for file in target.files:
        if os.path.lexists(file) and not force:
            raise ExchangeError(f"{file} already exists: --force (force=True) replaces it")
        if file.is_dir() and not is_export(file):
            raise ExchangeError(f"{file} contains other files: choose another folder")


class _Counted:
    """An iterable of images that counts them."""

    def __init__(self, images: Iterable[tuple[Record, Features]]) -> None:
        self.count = 0
        self._images = images

    def __iter__(self) -> Iterator[tuple[Record, Features]]:
        for image in self._images:
            self.count += 1
            yield image
