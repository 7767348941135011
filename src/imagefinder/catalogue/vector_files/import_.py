"""Vectors into a catalogue: everything is checked before anything is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from time import perf_counter

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.ingest import identify
from imagefinder.catalogue.vector_files.formats import check, place_of
from imagefinder.catalogue.vector_files.row import ImageRow
from imagefinder.errors import ImageError
from imagefinder.images.decode import decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Entry, Failure, Outcome, Record, Report, Resize, Store

_BATCH = 256
_GLIMPSE = Resize(32, 32)  # enough to know that it is an image, and how large


def import_vectors(store: Store, path: str | os.PathLike[str], limits: Limits = LIMITS) -> Report:
    """Take in what ``export_vectors`` wrote, or others in its form; each image is counted once.

    A line that does not say all about its image (SHA-256, size, width, height) has the image's
    file read; if that cannot be done, it is a failure in the report. Nothing stored is taken out or
    replaced but metadata. Raises ExchangeError or RecipeMismatch before anything is written.
    """
    began = perf_counter()
    place = place_of(path)
    check(place, store.recipe)
    results = Counter[Outcome]()
    failed: list[Failure] = []
    for result in _results(place.read(store.recipe), store, limits):
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
    images: Iterator[ImageRow], store: Store, limits: Limits
) -> Iterator[Outcome | Failure]:
    """What becomes of each, a commit per batch; files are read in threads."""
    entry = partial(_entry, limits=limits)
    with ThreadPoolExecutor(cores(), "read") as readers:
        entries = prefetch_map(readers, entry, images, ahead=_BATCH)
        for batch in batched(entries, _BATCH):
            yield from _written(batch, store)


def _entry(image: ImageRow, limits: Limits) -> Entry | Failure:
    about = image.about
    if isinstance(about, Record):
        return Entry(about, image.features, about.metadata or None)
    try:
        data, record = identify(about, limits)
        seen = decode(data, _GLIMPSE, limits)
    except ImageError as error:
        return Failure(about.name, str(error))
    record = replace(record, width=seen.width, height=seen.height)
    return Entry(record, image.features, about.metadata)


def _written(batch: list[Entry | Failure], store: Store) -> list[Outcome | Failure]:
    paths = [file.path for one in batch if isinstance(one, Entry) for file in one.record.files]
    there = {path: located.key for path, located in store.lookup_paths(paths).items()}
    settled = [_settled(one, there) for one in batch]
    entries = [one for one in settled if isinstance(one, Entry)]
    outcomes = iter(store.write(entries))
    return [one if isinstance(one, Failure) else _result(one, next(outcomes)) for one in settled]


def _settled(entry: Entry | Failure, there: dict[str, int]) -> Entry | Failure:
    """Without places where the catalogue has another image: it knows the newer state of them."""
    if isinstance(entry, Failure) or not entry.record.files:
        return entry
    record = entry.record
    files = tuple(file for file in record.files if there.get(file.path, record.key) == record.key)
    if not files:
        return Failure(
            str(record.path), "the catalogue has another image in its place: remove that first"
        )
    return replace(entry, record=replace(record, files=files))


def _result(entry: Entry, outcome: Outcome) -> Outcome | Failure:
    if outcome == "missing":
        return Failure(entry.record.path or entry.record.id, "its id belongs to another image")
    return outcome
