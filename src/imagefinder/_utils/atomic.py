"""Atomic writes: a file is written whole, or not at all.

Until then it has a temporary name, ``.PID-TOKEN-NAME`` beside it, and is locked by the program that
writes it. One that is not locked was left by a program that was killed: whoever writes to the same
name next removes it.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

if sys.platform != "win32":
    import fcntl

TEMPORARY = r"\.\d+-(?=\d*[a-f])[0-9a-f]{8}-"
"""How the name of a temporary file or folder begins: a token has a letter, a date has none."""
_UNFINISHED = re.compile(f"{TEMPORARY}(.+)", re.DOTALL)
_TOKEN = 1  # of the parts between hyphens


def temporary_name(path: Path) -> Path:
    """A path beside this one, for what is not finished yet."""
    token = token_hex(4)
    while token.isdecimal():
        token = token_hex(4)
    return path.with_name(f".{os.getpid()}-{token}-{path.name}")


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
    for name, _, target in _unfinished_in(folder):
        if is_target(target):
            _remove_unless_locked(folder / name)


def token_of(unfinished: Path) -> str:
    """The token in the name of a temporary file."""
    return unfinished.name.split("-")[_TOKEN]


def tokens_in_progress(path: Path) -> set[str]:
    """The tokens of the temporary files there are for a name."""
    return {token for _, token, target in _unfinished_in(path.parent) if target == path.name}


def _unfinished_in(folder: Path) -> list[tuple[str, str, str]]:
    """Name, token and target of the temporary files in a folder."""
    names: list[str] = []
    with suppress(OSError):
        names = [file.name for file in folder.iterdir()]
    matches = [match for name in names if (match := _UNFINISHED.fullmatch(name))]
    return [(match[0], match[0].split("-")[_TOKEN], match[1]) for match in matches]


def _create(path: Path, mode: int) -> tuple[Path, int | None]:
    """A new temporary file, and the descriptor that locks it where files can be locked."""
    while True:
        unfinished = temporary_name(path)
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
