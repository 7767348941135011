"""Images that are uploaded to stay, and where their files are kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from imagefinder.errors import ImageFinderError, UnreadableImage
from imagefinder.finder import Finder
from imagefinder.images.formats import SUFFIXES
from imagefinder.images.inputs import absolute
from imagefinder.server.image_files import place_of
from imagefinder.types import Record, key_of

_LONG = 60
_TURNS = tuple(Lock() for _ in range(64))
"""One image is not added and taken out at the same time: its new file would go with the old."""
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Taken:
    """An image that is in the catalogue now."""

    record: Record
    new: bool
    """Whether it was not before."""


def take(
    finder: Finder, data: bytes, name: str, metadata: Mapping[str, Any] | None, folder: Path | None
) -> Taken:
    """Put an uploaded image into the catalogue, and its file into the folder if there is one.

    An image whose file lies somewhere already gets no second one. Raises ImageError, and leaves
    nothing behind then.
    """
    sha256 = hashlib.sha256(data).digest()
    key = key_of(sha256)
    with _turn(key):
        known = finder.store.get([key]).get(key) if finder.store.has_content(sha256) else None
        if folder is None or (known is not None and place_of(known) is not None):
            _add(finder, data, metadata)
        else:
            own = f"{key:016x}-{_harmless(finder.recipe.encoder)}"  # no other catalogue's
            _add_file(finder, data, folder / _place(own, name), metadata)
        return Taken(finder.get(f"{key:016x}"), known is None)


def drop(finder: Finder, record: Record, folder: Path | None) -> None:
    """Take it out; of its files only those in the folder of uploads are deleted."""
    with _turn(record.key):
        known = finder.store.get([record.key]).get(record.key, record)  # by now
        finder.store.remove_images([record.key])
        for file in known.files:
            path = Path(file.path)
            if folder is not None and path.is_relative_to(absolute(folder)):
                path.unlink(missing_ok=True)
                _tidy(path.parent)


def _turn(key: int) -> Lock:
    return _TURNS[key % len(_TURNS)]


def _place(own: str, name: str) -> Path:
    """Where an upload goes: a folder of its own, named by its content; and a harmless name."""
    stem, ending = os.path.splitext(name)
    ending = ending.lower()
    return Path(own[:2], own, _harmless(stem) + (ending if ending in SUFFIXES else ""))


def _harmless(name: str) -> str:
    return _STRANGE.sub("-", name)[:_LONG].strip("-") or "image"


def _add_file(finder: Finder, data: bytes, path: Path, metadata: Mapping[str, Any] | None) -> None:
    beside = path.with_name(f".{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, path)
        _add(finder, path, metadata)
    except OSError as error:
        raise ImageFinderError(f"{path} cannot be written: {error.strerror}") from error
    except ImageFinderError:
        path.unlink(missing_ok=True)
        raise
    finally:
        beside.unlink(missing_ok=True)
        _tidy(path.parent)


def _add(finder: Finder, image: bytes | Path, metadata: Mapping[str, Any] | None) -> None:
    report = finder.add([image], metadata=metadata)
    for failure in report.failed:
        raise UnreadableImage(failure.reason)


def _tidy(folder: Path) -> None:
    """Remove an image's folder, and the one above, if nothing is left in them."""
    try:
        folder.rmdir()
        folder.parent.rmdir()
    except OSError:  # there is something
        pass
