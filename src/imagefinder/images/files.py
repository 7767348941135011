"""Files: reading their bytes within limits, and their times."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from imagefinder._utils.open_databases import is_open_database
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageMissing, UnreadableImage
from imagefinder.images.limits import LIMITS, Limits, check_bytes


def read(source: str | os.PathLike[str] | BinaryIO, limits: Limits = LIMITS) -> bytes:
    """The bytes of a regular file, or of an open one. Raises UnreadableImage or ImageTooLarge."""
    if not isinstance(source, str | os.PathLike):
        return _capped(source, limits)
    try:
        mode = os.stat(source).st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableImage("is a folder, not an image")
        if not stat.S_ISREG(mode):  # a pipe or a device might never end
            raise UnreadableImage("not a regular file")
        if is_open_database(source):
            raise UnreadableImage("is a catalogue that is open, not an image")
        with open(source, "rb") as file:
            return _capped(file, limits)
    except FileNotFoundError as error:
        raise ImageMissing("no such file") from error
    except OSError as error:  # without its path, which not everyone who reads this should see
        raise UnreadableImage(f"cannot be read: {one_line(error)}") from error
    except ValueError as error:  # a NUL in the name
        raise UnreadableImage(f"cannot be read: {one_line(error)}") from error


def is_utf8(path: str) -> bool:
    """Whether a path is one of UTF-8, and not of other bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def modified_ns(status: os.stat_result) -> int:
    """The modification time in nanoseconds, within the 64 bits (1677 to 2262) that a store holds.

    A file may have any time: of a camera without a clock, or from a broken archive.
    """
    return min(max(status.st_mtime_ns, -(2**63)), 2**63 - 1)


def _capped(file: BinaryIO, limits: Limits) -> bytes:
    return check_bytes(file.read(limits.max_bytes + 1), limits)
