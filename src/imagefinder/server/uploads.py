"""Uploaded images: adding them to a catalogue with their files, and removing both."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from fastapi import HTTPException

from imagefinder._utils.text import one_line
from imagefinder.catalogue import contents
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.ingest import process_here
from imagefinder.catalogue.stages import Ingestion
from imagefinder.errors import ImageFinderError, NotFound, UnreadableImage
from imagefinder.finder import Finder
from imagefinder.images.inputs import Input
from imagefinder.images.metadata import MAX_ITEMS, has_room
from imagefinder.images.opened_files import stored_file
from imagefinder.server.kept_thumbnails import keep_thumbnail, remove_thumbnail
from imagefinder.server.settings import Settings
from imagefinder.server.uploaded_files import delete_file, delete_files, save_file, uploaded_path
from imagefinder.types import Item, Record, id_of, key_of

log = logging.getLogger(__name__)

_LOCKS = tuple(Lock() for _ in range(64))
"""Striped by key: if an image were removed while it is added again, its new file would go too."""


@dataclass(frozen=True)
class AddedImage:
    """An image that is now in the catalogue."""

    record: Record
    is_new: bool
    """Whether it was not there before."""


@dataclass(frozen=True)
class Upload:
    """An image that is to be added, and what is said of it."""

    data: bytes
    name: str = ""
    metadata: Mapping[str, Any] | None = None
    item: str | None = None
    """The id of one of several items that share the image."""

    def at(self, path: str | None) -> list[Item] | None:
        """What is to be said of the image at a path, or in memory."""
        return None if self.metadata is None else [Item(self.metadata, path, self.item)]


def add_image(finder: Finder, upload: Upload, settings: Settings) -> AddedImage:
    """Add an uploaded image to the catalogue, and save its file if there is a folder for uploads.

    An image that already has a file gets no second one, and no file is overwritten. Its metadata
    take the place of what was said of it by uploads, or of the same item: other files of the image
    keep theirs. Raises ImageError, and HTTPException for one item too many, and then leaves nothing
    behind.
    """
    (added,) = add_images(finder, [upload], settings)
    if isinstance(added, Exception):
        raise added
    return added


def add_images(
    finder: Finder, uploads: Sequence[Upload], settings: Settings
) -> list[AddedImage | Exception]:
    """Several images, which are encoded together: for each, what ``add_image`` gives or raises."""
    results: dict[int, AddedImage | Exception] = {}
    for places in _rounds([upload.data for upload in uploads]):
        added = _add_distinct(finder, [uploads[place] for place in places], settings)
        results.update(zip(places, added, strict=True))
    return [results[place] for place in range(len(uploads))]


def delete_image(finder: Finder, record: Record, settings: Settings) -> None:
    """Remove an image from the catalogue, and delete those of its files that were uploaded to it.

    They must lie in the folder for uploads, with the content that was uploaded: any other file is
    the user's own, wherever it lies. Raises HTTPException if one cannot be deleted, and leaves the
    image in the catalogue then, so that it can be deleted again.
    """
    for failure in delete_images(finder, [record], settings).values():
        raise failure


def delete_images(
    finder: Finder, records: Sequence[Record], settings: Settings
) -> dict[int, HTTPException]:
    """Several images, in one step: by the key, what ``delete_image`` raises."""
    keys = [record.key for record in records]
    with changing(*keys):
        current = finder.store.get(keys)
        failures = {
            record.key: failure
            for record in (current.get(record.key, record) for record in records)
            if (failure := _delete_kept(record, settings)) is not None
        }
        finder.store.remove_images([key for key in keys if key not in failures])
    return failures


def _delete_kept(record: Record, settings: Settings) -> HTTPException | None:
    """Delete what is kept of an image beside the catalogue; why it cannot be, if so."""
    try:
        if settings.uploads:
            delete_files(record, settings.uploads)
        if settings.thumbnails:
            remove_thumbnail(settings.thumbnails, record)
    except OSError as error:
        log.error("image %s stays: its file cannot be deleted: %s", record.id, one_line(error))
        return HTTPException(503, "its uploaded file cannot be deleted: the image stays")
    return None


@contextmanager
def changing(*keys: int) -> Iterator[None]:
    """Who is inside changes these images alone; a few others may have to wait as well."""
    with ExitStack() as stack:
        for stripe in sorted({key % len(_LOCKS) for key in keys}):  # or two could wait for ever
            stack.enter_context(_LOCKS[stripe])
        yield


def _rounds(contents: Sequence[bytes]) -> list[list[int]]:
    """The places of the contents, such that no round has one of them twice."""
    seen: Counter[bytes] = Counter()
    rounds: list[list[int]] = []
    for place, content in enumerate(contents):
        if seen[content] == len(rounds):
            rounds.append([])
        rounds[seen[content]].append(place)
        seen[content] += 1
    return rounds


def _add_distinct(
    finder: Finder, uploads: Sequence[Upload], settings: Settings
) -> list[AddedImage | Exception]:
    """Images with different contents."""
    hashes = [hashlib.sha256(upload.data).digest() for upload in uploads]
    keys = [key_of(sha256) for sha256 in hashes]
    with changing(*keys):
        known = finder.store.get([key_of(one) for one in hashes if finder.store.has_content(one)])
        given = [
            _prepared(finder, upload, key, known.get(key), settings)
            for upload, key in zip(uploads, keys, strict=True)
        ]
        failures = _add(finder, [one for one in given if isinstance(one, Input)])
        records = finder.store.get(keys)
        results: list[AddedImage | Exception] = []
        for upload, key, one in zip(uploads, keys, given, strict=True):
            failure = one if isinstance(one, Exception) else failures.get(id(one.content))
            if failure is not None:
                results.append(failure)
            elif key not in records:
                gone = "another program has just removed the image: add it again"
                results.append(NotFound(gone))
            else:
                _keep_thumbnail(finder, upload, records[key], settings)
                results.append(AddedImage(records[key], key not in known))
        return results


def _prepared(
    finder: Finder, upload: Upload, key: int, known: Record | None, settings: Settings
) -> Input | Exception:
    """What to add: the image in memory, or its file, which is saved; or why it cannot be."""
    items = upload.at(uploaded_path(known))
    if not has_room(known.items if known else (), items or ()):
        return HTTPException(422, f"{MAX_ITEMS} items share the image already: no more can")
    if settings.uploads is None or (known is not None and _has_file(known, settings)):
        return Input(upload.data, items, "uploaded")
    encoder = finder.recipe.encoder
    try:
        path = save_file(settings.uploads, id_of(key), encoder, upload.name, upload.data)
    except ImageFinderError as error:
        return error
    return Input(path, upload.at(str(path)), "uploaded")


def _add(finder: Finder, inputs: Sequence[Input]) -> dict[int, UnreadableImage]:
    """The failures, by the identity of their contents; files that are not added are deleted."""
    failures: dict[int, UnreadableImage] = {}
    added: set[int] = set()

    def noting(items: Iterable[Ingestion], into: Catalogue, upgraded: Event) -> Iterator[Ingestion]:
        for item in process_here(items, into, upgraded):
            if item.failure is not None:
                failures[id(item.given.content)] = UnreadableImage(item.failure)
            elif item.outcome != "missing":
                added.add(id(item.given.content))
            yield item

    is_done = False
    try:
        contents.add(finder, inputs, process=noting)
        is_done = True
    finally:
        for one in inputs:
            is_stored = id(one.content) not in failures if is_done else id(one.content) in added
            if isinstance(one.content, Path) and not is_stored:
                delete_file(one.content)
    return failures


def _has_file(record: Record, settings: Settings) -> bool:
    with stored_file(record, settings.may_open) as opened:
        return opened is not None


def _keep_thumbnail(finder: Finder, upload: Upload, record: Record, settings: Settings) -> None:
    """For what is added without a file."""
    if settings.thumbnails and settings.uploads is None and not _has_file(record, settings):
        keep_thumbnail(settings.thumbnails, record, upload.data, upload.name, finder.limits)
