"""Files of uploaded images: where they lie in a folder for uploads, and which of them are ours."""

from __future__ import annotations

import os
import re
from itertools import chain, count
from pathlib import Path

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.disk_space import is_full
from imagefinder._utils.text import one_line
from imagefinder.errors import DiskFull, ImageFinderError
from imagefinder.images.inputs import absolute
from imagefinder.images.opened_files import stored_file
from imagefinder.server.file_names import safe_file_name
from imagefinder.types import File, Record

_MAX_NAME = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def save_file(folder: Path, id: str, encoder: str, name: str, data: bytes) -> Path:  # noqa: A002
    """Save the file of an image, without overwriting any, and return where it is.

    The encoder's name keeps the files of several catalogues apart. Raises ImageFinderError, and
    leaves nothing then.
    """
    subfolder = f"{id}-{_safe_name(encoder)}"
    path = _unused(absolute(folder) / subfolder[:2] / subfolder, safe_file_name(name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        remove_empty(path.parent)
        if is_full(error):
            raise DiskFull(f"no space in {path.parent}") from error
        raise ImageFinderError(f"{path} cannot be written: {one_line(error)}") from error
    return path


def uploaded_path(record: Record | None) -> str | None:
    """Where the file of an image lies that was uploaded, if any was."""
    files = record.files if record else ()
    return next((file.path for file in files if file.origin == "uploaded"), None)


def delete_files(record: Record, folder: Path) -> None:
    """Delete those files of an image that lie in the folder, with what was uploaded."""
    for file in record.files:
        if _was_uploaded(record, file, folder):
            delete_file(Path(file.path))


def delete_file(path: Path) -> None:
    """Delete a file, and its folder if nothing else is in it."""
    path.unlink(missing_ok=True)
    remove_empty(path.parent)


def remove_empty(folder: Path) -> None:
    """Remove an image's folder and its parent, if they are empty."""
    try:
        folder.rmdir()
        folder.parent.rmdir()
    except OSError:  # not empty
        pass


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
