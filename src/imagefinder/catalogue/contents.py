"""The contents of a catalogue: adding and removing images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from imagefinder._utils.concurrency import batched
from imagefinder._utils.text import one_line
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.exclude import exclude, excluded
from imagefinder.catalogue.ingest import Process, ingest, process_here
from imagefinder.catalogue.mounts import note_mounts
from imagefinder.errors import EncoderChanged
from imagefinder.images.exclusions import glob_of
from imagefinder.images.inputs import Given, image_list, inputs_of, is_storable, stored_name
from imagefinder.images.walk import FolderWalk
from imagefinder.registry.factory import recipe_of
from imagefinder.types import Failure, Progress, Report, Store, key_from

_PAGE = 1000  # paths removed in one step


def add(
    catalogue: Catalogue,
    images: Given | Iterable[Given],
    metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    progress: Progress = iter,
    *,
    items: Sequence[str] | None = None,
    checksum: bool = False,
    walk: FolderWalk | None = None,
    process: Process = process_here,
) -> Report:
    """Add files, all images in folders, or images in memory; see ``Finder.add``.

    A ``walk`` that is given tells afterwards what it met; ``process`` says where work is done.
    """
    _record_runtime(catalogue)
    store = catalogue.store
    given = image_list(images)
    if metadata is None:
        given = _with_downloads(store, given)
    walk = walk or FolderWalk(excluded(store))
    report = ingest(inputs_of(given, metadata, walk, items), catalogue, progress, checksum, process)
    note_mounts(store, walk.disks)
    unreadable = [Failure(str(error.filename), one_line(error)) for error in walk.errors]
    return replace(
        report,
        failed=(*unreadable, *report.failed),
        skipped=dict(walk.skipped.counts),
        skipped_examples={kind: tuple(some) for kind, some in walk.skipped.examples.items()},
    )


def remove(
    catalogue: Catalogue,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    exclude_them: bool = False,
) -> Report:
    """Remove images by file, folder or id; see ``Finder.remove``."""
    began = perf_counter()
    failures = []
    removed = 0
    for given in [images] if isinstance(images, str | os.PathLike) else images:
        if exclude_them:
            exclude(catalogue.store, map(glob_of, _paths_of(catalogue.store, given)))
        count = _remove(catalogue.store, given)
        removed += count
        if not count:
            failures.append(Failure(str(given), "there is no such image in the catalogue"))
    return Report(removed=removed, failed=tuple(failures), seconds=perf_counter() - began)


def _record_runtime(catalogue: Catalogue) -> None:
    """The model may have moved."""
    pinned = catalogue.pinned()
    runtime = recipe_of(pinned.encoder).runtime
    if runtime != pinned.store.recipe.runtime:
        try:
            pinned.store.update_runtime(runtime)
        except EncoderChanged:  # it is another model's catalogue by now
            catalogue.refresh()


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


def _remove(store: Store, given: str | os.PathLike[str]) -> int:
    path = stored_name(given)
    if not is_storable(path):
        return 0
    removed = store.remove_files([path])
    for batch in batched(store.iter_paths(path), _PAGE):
        removed += store.remove_files(batch)
    key = key_from(str(given))
    if not removed and key is not None:
        removed = store.remove_images([key])
    return removed


def _paths_of(store: Store, given: str | os.PathLike[str]) -> list[str]:
    """The path of a file or folder that has stored images, or else those of an image's files."""
    path = stored_name(given)
    if is_storable(path) and len(store.select([path], limit=1)):
        return [path]
    key = key_from(str(given))
    record = store.get([key]).get(key) if key is not None else None
    return [file.path for file in record.files] if record else []
