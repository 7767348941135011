"""Image files: finding them in folders, and reading their bytes within limits."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from imagefinder._utils.text import one_line
from imagefinder.errors import UnreadableImage
from imagefinder.images.formats import SUFFIXES
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
        with open(source, "rb") as file:
            return _capped(file, limits)
    except FileNotFoundError as error:
        raise UnreadableImage("no such file") from error
    except OSError as error:  # without its path, which not everyone who reads this should see
        raise UnreadableImage(f"cannot be read: {one_line(error)}") from error
    except ValueError as error:  # a NUL in the name
        raise UnreadableImage(f"cannot be read: {one_line(error)}") from error


def find_images(
    folder: str | os.PathLike[str], unreadable: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """The images in a folder and its subfolders, by file name suffix, in order of names.

    Hidden files and folders are skipped, and links to folders are not followed. ``unreadable`` is
    called for a folder that cannot be listed.
    """
    for parent, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield Path(parent, name)


def _capped(file: BinaryIO, limits: Limits) -> bytes:
    return check_bytes(file.read(limits.max_bytes + 1), limits)
