"""Export of vectors: written to a temporary folder, and moved into place once complete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from imagefinder._utils.temporary_folder import temporary_folder
from imagefinder.catalogue.vector_files.folder import is_export
from imagefinder.catalogue.vector_files.formats import VectorFile, vector_file
from imagefinder.catalogue.vector_files.parquet import Parquet
from imagefinder.errors import ExchangeError
from imagefinder.types import Features, Record, Store


def export_vectors(
    store: Store, path: str | os.PathLike[str], force: bool = False, images: bool = False
) -> int:
    """Write every image with its vectors, in order of keys; returns the number of images.

    ``images`` puts their files into a Parquet file. Raises ExchangeError if the target exists,
    unless ``force`` replaces it.
    """
    target = vector_file(path)
    if images and not isinstance(target, Parquet):
        raise ExchangeError(f"{target.path.name}: images are only exported to NAME.parquet")
    _check_free(target, force)
    with temporary_folder(target.path) as folder:
        place = folder / target.path.name
        fresh = Parquet(place, images=True) if images else type(target)(place)
        records = _Counted(store.iter_records())
        fresh.write(store.recipe, records)
        _publish(fresh, target, folder)
    return records.count


def _publish(fresh: VectorFile, target: VectorFile, folder: Path) -> None:
    """Rename all files to their names; the last is the one that imports are given.

    Old ones are taken away first, that one before the others: at no moment does it stand beside
    files of another export. If a file cannot be renamed, all is as it was.
    """
    moved: list[tuple[Path, Path]] = []
    old = [(file, folder / f"replaced-{file.name}") for file in reversed(target.files)]
    new = list(zip(fresh.files, target.files, strict=True))
    try:
        for source, destination in [*(pair for pair in old if os.path.lexists(pair[0])), *new]:
            os.replace(source, destination)
            moved.append((source, destination))
    except BaseException:
        for source, destination in reversed(moved):
            os.replace(destination, source)
        raise


def _check_free(target: VectorFile, force: bool) -> None:
    if not target.path.parent.is_dir():
        raise ExchangeError(f"the folder {target.path.parent} does not exist")
    taken = [file for file in target.files if os.path.lexists(file)]
    for file in taken:
        if file.is_dir() and not (file == target.path and is_export(file)):
            raise ExchangeError(f"{file} contains other files: choose another folder")
        if not (file.is_dir() or file.is_file() or file.is_symlink()):
            raise ExchangeError(f"{file} is a device: choose another name")
    if taken and not force:
        names = " and ".join(map(str, taken))
        verb, pronoun = ("exists", "it") if len(taken) == 1 else ("exist", "them")
        raise ExchangeError(f"{names} already {verb}: --force (force=True) replaces {pronoun}")
    if not os.access(target.path.parent, os.W_OK):
        raise ExchangeError(f"{target.path} cannot be written: no permission")


class _Counted:
    """An iterable of images that counts them."""

    def __init__(self, images: Iterable[tuple[Record, Features]]) -> None:
        self.count = 0
        self._images = images

    def __iter__(self) -> Iterator[tuple[Record, Features]]:
        for image in self._images:
            self.count += 1
            yield image
