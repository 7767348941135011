"""The contents of a catalogue: adding images, syncing with a folder, removing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.ingest import ingest
from imagefinder.errors import NotFound
from imagefinder.images.inputs import Given, absolute, image_list, inputs_of, is_storable
from imagefinder.registry.factory import recipe_of
from imagefinder.types import Failure, Progress, Report, Store, key_from

_PAGE = 1000  # paths removed in one step


def add(
    catalogue: Catalogue,
    images: Given | Iterable[Given],
    metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    progress: Progress = iter,
) -> Report:
    """Add files, all images in folders, or images in memory; see ``Finder.add``."""
    store, runtime = catalogue.store, recipe_of(catalogue.encoder).runtime
    if runtime != store.recipe.runtime:  # the model has moved
        store.update_runtime(runtime)
    given = image_list(images)
    if metadata is None:
        given = _with_downloads(store, given)
    failures: list[Failure] = []
    report = ingest(inputs_of(given, metadata, failures), catalogue, progress)
    return replace(report, failed=(*failures, *report.failed))


def sync(catalogue: Catalogue, folder: str | os.PathLike[str], progress: Progress = iter) -> Report:
    """Add what is new or changed in a folder, and remove what is gone; see ``Finder.sync``."""
    store, root = catalogue.store, absolute(folder)
    _check_folder(root, store)
    report = add(catalogue, root, progress=progress)
    vanished = (path for path in store.iter_paths(str(root)) if _is_gone(path))
    removed = sum(store.remove_files(batch) for batch in batched(vanished, _PAGE))
    return replace(report, removed=removed)


def remove(
    catalogue: Catalogue, images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
) -> Report:
    """Remove images by file, folder or id; see ``Finder.remove``."""
    began = perf_counter()
    failures = []
    removed = 0
    for given in [images] if isinstance(images, str | os.PathLike) else images:
        count = _remove(catalogue.store, given)
        removed += count
        if not count:
            failures.append(Failure(str(given), "there is no such image in the catalogue"))
    return Report(removed=removed, failed=tuple(failures), seconds=perf_counter() - began)


def _with_downloads(store: Store, images: Iterable[Given]) -> Iterator[Given]:
    """The same, with a folder that ``download`` filled as its files and their metadata.

    Those that another image has replaced at its URL leave the store.
    """
    from imagefinder.downloads.folder import described, replaced_images
    from imagefinder.downloads.state_file import is_filled

    for image in images:
        if isinstance(image, str | os.PathLike) and is_filled(image):
            store.remove_files([str(path) for path in replaced_images(image)])
            yield from described(image)
        else:
            yield image


def _check_folder(root: Path, store: Store) -> None:
    """Raises NotFound for a folder whose images should not be removed because it looks empty."""
    if not root.is_dir():
        raise NotFound(
            f"there is no folder {root}; "
            f"to take its images out of the catalogue: imagefinder remove {root}"
        )
    if not is_storable(str(root)):
        raise NotFound(f"{root} has a name that is not UTF-8: rename it")
    if not any(root.iterdir()) and any(store.iter_paths(str(root))):
        raise NotFound(
            f"{root} is empty, but the catalogue has images of it: is its disk mounted? "
            f"To take them out: imagefinder remove {root}"
        )


def _is_gone(path: str) -> bool:
    """Whether the file certainly no longer exists; an inaccessible one may still exist."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _remove(store: Store, given: str | os.PathLike[str]) -> int:
    path = str(absolute(given))
    if not is_storable(path):
        return 0
    removed = store.remove_files([path])
    for batch in batched(store.iter_paths(path), _PAGE):
        removed += store.remove_files(batch)
    key = key_from(str(given))
    if not removed and key is not None:
        removed = store.remove_images([key])
    return removed
