"""Uploaded images: adding them to a catalogue with their files, and removing both."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi import HTTPException

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.disk_space import is_full
from imagefinder._utils.text import one_line
from imagefinder.errors import DiskFull, ImageFinderError, UnreadableImage
from imagefinder.finder import Finder
from imagefinder.images.inputs import Input, absolute
from imagefinder.images.metadata import MAX_ITEMS, has_room
from imagefinder.images.opened_files import stored_file
from imagefinder.server.file_names import safe_file_name
from imagefinder.server.kept_thumbnails import keep_thumbnail, remove_empty, remove_thumbnail
from imagefinder.server.settings import Settings
from imagefinder.types import File, Item, Record, id_of, key_of

_MAX_NAME = 60
_LOCKS = tuple(Lock() for _ in range(64))
"""Striped by key: if an image were removed while it is added again, its new file would go too."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


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
    data = upload.data
    folder = settings.uploads
    sha256 = hashlib.sha256(data).digest()
    key = key_of(sha256)
    with changing(key):
        known = finder.store.get([key]).get(key) if finder.store.has_content(sha256) else None
        if not has_room(known.items if known else (), upload.at(_uploaded_path(known)) or ()):
            raise HTTPException(422, f"{MAX_ITEMS} items share the image already: no more can")
        has_file = known is not None and _has_file(known, settings)
        if folder is None or has_file:
            _add(finder, data, upload.at(_uploaded_path(known)))
        else:
            # the encoder's name keeps the files of several catalogues apart
            subfolder = f"{id_of(key)}-{_safe_name(finder.recipe.encoder)}"
            place = absolute(folder) / subfolder[:2] / subfolder
            _add_file(finder, upload, _unused(place, safe_file_name(upload.name)))
        record = finder.get(id_of(key))
        if settings.thumbnails and not has_file and folder is None:
            keep_thumbnail(settings.thumbnails, record, data, upload.name, finder.limits)
        return AddedImage(record, known is None)


def delete_image(finder: Finder, record: Record, settings: Settings) -> None:
    """Remove an image from the catalogue, and delete those of its files that were uploaded to it.

    They must lie in the folder for uploads, with the content that was uploaded: any other file is
    the user's own, wherever it lies.
    """
    folder = settings.uploads
    with changing(record.key):
        current = finder.store.get([record.key]).get(record.key, record)
        finder.store.remove_images([record.key])
        for file in current.files:
            if folder is not None and _was_uploaded(current, file, folder):
                path = Path(file.path)
                path.unlink(missing_ok=True)
                remove_empty(path.parent)
        if settings.thumbnails:
            remove_thumbnail(settings.thumbnails, current)


def changing(key: int) -> Lock:
    """Who holds it changes the image alone; a few others may have to wait as well."""
    return _LOCKS[key % len(_LOCKS)]


def _has_file(record: Record, settings: Settings) -> bool:
    with stored_file(record, settings.may_open) as opened:
        return opened is not None


def _was_uploaded(record: Record, file: File, folder: Path) -> bool:
    # a link in place of a folder must not lead to files elsewhere
    parent = Path(os.path.realpath(Path(file.path).parent))
    if file.origin != "uploaded" or not parent.is_relative_to(os.path.realpath(folder)):
        return False
    with stored_file(record, lambda other: other == file) as opened:
        return opened is not None


def _unused(folder: Path, name: str) -> Path:
    """A path in a folder at which there is nothing."""
    stem, suffix = os.path.splitext(name)
    numbered = (f"{stem}-{number}{suffix}" for number in count(2))
    return next(
        path for other in chain([name], numbered) if not os.path.lexists(path := folder / other)
    )


def _safe_name(name: str) -> str:
    return _UNSAFE.sub("-", name)[:_MAX_NAME].strip("-") or "image"


def _uploaded_path(known: Record | None) -> str | None:
    files = known.files if known else ()
    return next((file.path for file in files if file.origin == "uploaded"), None)


def _add_file(finder: Finder, upload: Upload, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(upload.data)
        _add(finder, path, upload.at(str(path)))
    except OSError as error:
        if is_full(error):
            raise DiskFull(f"no space in {path.parent}") from error
        raise ImageFinderError(f"{path} cannot be written: {one_line(error)}") from error
    except ImageFinderError:
        path.unlink(missing_ok=True)
        raise
    finally:
        remove_empty(path.parent)


def _add(finder: Finder, image: bytes | Path, items: list[Item] | None) -> None:
    given = Input(image, items, "uploaded")
    report = finder.add([given])
    for failure in report.failed:
        raise UnreadableImage(failure.reason)
