"""Import of vectors: everything is validated before anything is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from time import perf_counter

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.stages import identify
from imagefinder.catalogue.vector_files.formats import check, vector_file
from imagefinder.catalogue.vector_files.row import ImageVectors
from imagefinder.errors import ImageError
from imagefinder.images.decode import decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Entry, Failure, Outcome, Record, Report, Resize, Store

_BATCH = 256
_PROBE = Resize(32, 32)  # a cheap decode, to validate the image and get its size


def import_vectors(store: Store, path: str | os.PathLike[str], limits: Limits = LIMITS) -> Report:
    """Import what ``export_vectors`` wrote, or files of the same format; each image counts once.

    For a row without SHA-256, size, width and height, the image's file is read; if that fails, the
    report says so. Nothing stored is removed, and only metadata is replaced. Raises ExchangeError
    or RecipeMismatch before anything is written.
    """
    began = perf_counter()
    target = vector_file(path)
    check(target, store.recipe)
    results = Counter[Outcome]()
    failed: list[Failure] = []
    for result in _results(target.read(store.recipe), store, limits):
        if isinstance(result, Failure):
            failed.append(result)
        else:
            results[result] += 1
    return Report(
        added=results["added"],
        updated=results["updated"],
        unchanged=results["unchanged"],
        failed=tuple(failed),
        seconds=perf_counter() - began,
    )


def _results(
    images: Iterator[ImageVectors], store: Store, limits: Limits
) -> Iterator[Outcome | Failure]:
    """The outcome of each image; files are read in threads, and batches are committed."""
    entry = partial(_entry, limits=limits)
    with ThreadPoolExecutor(cores(), "read") as readers:
        entries = prefetch_map(readers, entry, images, ahead=_BATCH)
        for batch in batched(entries, _BATCH):
            yield from _written(batch, store)


def _entry(image: ImageVectors, limits: Limits) -> Entry | Failure:
    about = image.about
    if isinstance(about, Record):
        return Entry(about, image.features, about.several or about.metadata or None)
    try:
        data, record = identify(about, limits)
        decoded = decode(data, _PROBE, limits)
    except ImageError as error:
        return Failure(about.name, str(error))
    files = tuple(replace(file, origin="imported") for file in record.files)
    record = replace(record, width=decoded.width, height=decoded.height, files=files)
    return Entry(record, image.features, about.metadata)


def _written(batch: list[Entry | Failure], store: Store) -> list[Outcome | Failure]:
    paths = [file.path for one in batch if isinstance(one, Entry) for file in one.record.files]
    stored = {path: located.key for path, located in store.lookup_paths(paths).items()}
    settled = [_without_conflicts(one, stored) for one in batch]
    entries = [one for one in settled if isinstance(one, Entry)]
    outcomes = iter(store.write(entries))
    return [one if isinstance(one, Failure) else _result(one, next(outcomes)) for one in settled]


def _without_conflicts(entry: Entry | Failure, stored: dict[str, int]) -> Entry | Failure:
    """Without paths at which the catalogue has another image: its state is the newer one."""
    if isinstance(entry, Failure) or not entry.record.files:
        return entry
    record = entry.record
    files = tuple(file for file in record.files if stored.get(file.path, record.key) == record.key)
    if not files:
        return Failure(
            str(record.path), "the catalogue has another image at this path: remove that first"
        )
    return replace(entry, record=replace(record, files=files))


def _result(entry: Entry, outcome: Outcome) -> Outcome | Failure:
    if outcome == "missing":
        return Failure(entry.record.path or entry.record.id, "its id belongs to another image")
    return outcome
