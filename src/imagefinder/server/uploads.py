"""Uploaded images: adding them to a catalogue with their files, and removing both."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageFinderError, UnreadableImage
from imagefinder.finder import Finder
from imagefinder.images.formats import SUFFIXES
from imagefinder.images.inputs import absolute
from imagefinder.images.stored_files import unchanged_file
from imagefinder.types import Record, id_of, key_of

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


def add_image(
    finder: Finder, data: bytes, name: str, metadata: Mapping[str, Any] | None, folder: Path | None
) -> AddedImage:
    """Add an uploaded image to the catalogue, and save its file in ``folder`` if there is one.

    An image that already has a file gets no second one. Raises ImageError, and then leaves nothing
    behind.
    """
    sha256 = hashlib.sha256(data).digest()
    key = key_of(sha256)
    with _lock(key):
        known = finder.store.get([key]).get(key) if finder.store.has_content(sha256) else None
        if folder is None or (known is not None and unchanged_file(known) is not None):
            _add(finder, data, metadata)
        else:
            # the encoder's name keeps the files of several catalogues apart
            subfolder = f"{id_of(key)}-{_safe_name(finder.recipe.encoder)}"
            _add_file(finder, data, folder / _relative_path(subfolder, name), metadata)
        return AddedImage(finder.get(id_of(key)), known is None)


def delete_image(finder: Finder, record: Record, folder: Path | None) -> None:
    """Remove an image from the catalogue, and delete those of its files that lie in ``folder``."""
    with _lock(record.key):
        current = finder.store.get([record.key]).get(record.key, record)
        finder.store.remove_images([record.key])
        for file in current.files:
            path = Path(file.path)
            if folder is not None and path.is_relative_to(absolute(folder)):
                path.unlink(missing_ok=True)
                _remove_empty(path.parent)


def _lock(key: int) -> Lock:
    return _LOCKS[key % len(_LOCKS)]


def _relative_path(subfolder: str, name: str) -> Path:
    """A folder of its own, named by content, and a file name that is safe on any system."""
    stem, suffix = os.path.splitext(name)
    suffix = suffix.lower()
    safe = _safe_name(stem) + (suffix if suffix in SUFFIXES else "")
    return Path(subfolder[:2], subfolder, safe)


def _safe_name(name: str) -> str:
    return _UNSAFE.sub("-", name)[:_MAX_NAME].strip("-") or "image"


def _add_file(finder: Finder, data: bytes, path: Path, metadata: Mapping[str, Any] | None) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
        _add(finder, path, metadata)
    except OSError as error:
        raise ImageFinderError(f"{path} cannot be written: {one_line(error)}") from error
    except ImageFinderError:
        path.unlink(missing_ok=True)
        raise
    finally:
        _remove_empty(path.parent)


def _add(finder: Finder, image: bytes | Path, metadata: Mapping[str, Any] | None) -> None:
    report = finder.add([image], metadata=metadata)
    for failure in report.failed:
        raise UnreadableImage(failure.reason)


def _remove_empty(folder: Path) -> None:
    """Remove an image's folder and its parent, if they are empty."""
    try:
        folder.rmdir()
        folder.parent.rmdir()
    except OSError:  # not empty
        pass
