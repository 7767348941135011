"""A temporary folder beside what is to be written, which the next program removes if need be."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagefinder._utils.atomic import TEMPORARY, temporary_name

if sys.platform != "win32":
    import fcntl


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A folder ``.PID-TOKEN-NAME`` beside ``path``, deleted at the end.

    As temporary files are, it is locked while it is in use; one that is not was left by a program
    that was killed, and is deleted by the next one with the same name. Raises OSError.
    """
    _remove_abandoned(path)
    folder = temporary_name(path)
    folder.mkdir()
    try:
        descriptor = _lock(folder)
        try:
            yield folder
        finally:
            if descriptor is not None:
                os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """A descriptor that locks a folder; None where another program holds it, or none can be."""
    if sys.platform == "win32":
        return None
    descriptor: int | None = None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    if descriptor is not None:
        os.close(descriptor)
    return None


def _remove_abandoned(path: Path) -> None:
    pattern = re.compile(rf"{TEMPORARY}{re.escape(path.name)}")
    for folder in list(path.parent.iterdir()):
        if not pattern.fullmatch(folder.name) or not folder.is_dir():
            continue
        descriptor = _lock(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
