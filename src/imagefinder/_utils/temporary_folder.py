"""A temporary folder beside what is to be written, which the next program removes if need be."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagefinder._utils.temporary_names import temporary_names_in, temporary_path

if sys.platform != "win32":
    import fcntl


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A folder ``.PID-TOKEN-NAME`` beside ``path``, deleted at the end.

    As temporary files are, it is locked while it is in use; one that is not was left by a program
    that was killed, and is deleted by the next one with the same name. Raises OSError.
    """
    _remove_abandoned(path)
    folder, descriptor = _create(path)
    try:
        yield folder
    finally:
        if descriptor is not None:
            os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def _create(path: Path) -> tuple[Path, int | None]:
    """A new folder, and the descriptor that locks it where folders can be locked."""
    while True:
        folder = temporary_path(path)
        folder.mkdir()
        descriptor = _lock(folder, wait=True)
        if folder.exists():
            return folder, descriptor
        if descriptor is not None:  # another program swept it away before it was locked
            os.close(descriptor)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """A descriptor that locks a folder; None where another program holds it, or none can be."""
    if sys.platform == "win32":
        return None
    descriptor: int | None = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(path: Path) -> None:
    for name in temporary_names_in(path.parent):
        if name.target != path.name or not name.path.is_dir():
            continue
        descriptor = _lock(name.path, wait=False)
        if descriptor is not None:
            shutil.rmtree(name.path, ignore_errors=True)
            os.close(descriptor)
