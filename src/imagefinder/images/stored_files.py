"""Files of stored images: which still exist, are unchanged, or can be read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from io import BufferedReader
from typing import TypeVar

from imagefinder.errors import ImageError
from imagefinder.images.files import modified_ns, read
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.opened_files import stored_file
from imagefinder.types import File, Record

Result = TypeVar("Result")


def first_readable(record: Record, load: Callable[[BufferedReader], Result]) -> Result | None:
    """``load`` applied to the first file with the image's bytes that it can read; else None.

    ``load`` takes the open file and raises ImageError if it cannot be used.
    """
    for file in record.files:
        with stored_file(replace(record, files=(file,))) as opened:
            try:
                if opened is not None:
                    return load(opened.stream)
            except ImageError:
                continue
    return None


def any_exists(record: Record) -> bool:
    """Whether at least one of the image's files still exists."""
    return any(os.path.exists(file.path) for file in record.files)


def has_state(path: str, size: int, mtime_ns: int) -> bool:
    """Whether a file has this size and modification time; False if it cannot be examined."""
    try:
        now = os.stat(path)
    except (OSError, ValueError):
        return False
    return (now.st_size, modified_ns(now)) == (size, mtime_ns)


def unchanged_file(record: Record) -> File | None:
    """The first file that is readable and has the size and time it had when it was added."""
    for file in record.files:
        if has_state(file.path, record.size, file.mtime_ns) and os.access(file.path, os.R_OK):
            return file
    return None


def file_with_content(record: Record, limits: Limits = LIMITS) -> File | None:
    """The first file that still holds the image's bytes, whatever its modification time."""
    return unchanged_file(record) or next(
        (file for file in record.files if _sha256(file.path, limits) == record.sha256), None
    )


def _sha256(path: str, limits: Limits) -> bytes | None:
    try:
        return hashlib.sha256(read(path, limits)).digest()
    except ImageError:
        return None
