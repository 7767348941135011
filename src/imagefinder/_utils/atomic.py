"""Atomic writes: a file is written whole, or not at all.

Until then it has a temporary name, ``.PID-TOKEN-NAME`` beside it, and is locked by the program that
writes it. One that is not locked was left by a program that was killed: whoever writes to the same
name next removes it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagefinder._utils.temporary_names import parse, temporary_names_in, temporary_path

if sys.platform != "win32":
    import fcntl


@contextmanager
def atomic_write(path: Path, *, mode: int = 0o666, sweep: bool = True) -> Iterator[Path]:
    """A temporary file to write, which then replaces ``path`` in one step, or leaves nothing.

    Its name ends as that of ``path`` does; it must be written in place, not replaced. ``mode`` are
    its permissions, less the umask. To ``sweep`` away what killed programs left for the same name
    takes a look at all names in the folder. Raises OSError.
    """
    if sweep:
        remove_abandoned(path.parent, path.name.__eq__)
    unfinished, descriptor = _create(path, mode)
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)


def remove_abandoned(folder: Path, is_target: Callable[[str], object]) -> None:
    """Remove temporary files of killed programs that were to get one of these names."""
    for name in temporary_names_in(folder):
        if is_target(name.target):
            _remove_unless_locked(name.path)


def token_of(unfinished: Path) -> str:
    """The token in the name of a temporary file."""
    name = parse(unfinished)
    assert name  # noqa: S101  it was made here
    return name.token


def tokens_in_progress(path: Path) -> set[str]:
    """The tokens of the temporary files there are for a name."""
    return {name.token for name in temporary_names_in(path.parent) if name.target == path.name}


def _create(path: Path, mode: int) -> tuple[Path, int | None]:
    """A new temporary file, and the descriptor that locks it where files can be locked."""
    while True:
        unfinished = temporary_path(path)
        try:
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            continue
        if sys.platform == "win32":  # a file that is open cannot be renamed
            os.close(descriptor)
            return unfinished, None
        with suppress(OSError):  # some network file systems have no locks: nothing is swept there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if unfinished.exists():
            return unfinished, descriptor
        os.close(descriptor)  # another program swept it away before it was locked


def _remove_unless_locked(file: Path) -> None:
    if sys.platform == "win32":
        return
    with suppress(OSError):  # locked, gone already, or not ours to open
        descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                file.unlink()
        finally:
            os.close(descriptor)
