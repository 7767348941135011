"""A lock between programs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 30.0
_PAUSE = 0.01
_HELD = (BlockingIOError, PermissionError)  # on Unix and Windows

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, patience: float = _PATIENCE) -> Iterator[None]:
    """Keep other programs and threads from what a file's contents guard, if they lock it too.

    The lock is a file of its own beside ``path`` and stays there: if it were deleted, one program
    could hold the deleted file and another a new one. The system releases it when a program ends,
    however that happens. Raises TimeoutError after ``patience`` seconds, and OSError.
    """
    beside = path.with_name(f".{path.name}.lock")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for(descriptor, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, deadline: float) -> None:
    while True:
        try:
            _try_lock(descriptor)
            return
        except _HELD as error:
            if time.monotonic() > deadline:
                raise TimeoutError("another program holds the lock: try again") from error
        time.sleep(_PAUSE)
