"""The databases that this program has open: nothing else in it may open their files.

SQLite keeps other programs out by POSIX locks, and a program loses all of its locks on a file when
it closes any descriptor of it. Another one then takes itself for the last, and deletes the log that
this one goes on writing to: what it writes from then on is lost (SQLite's "How to corrupt").
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Protocol
from weakref import WeakSet

_INDEX = "-shm"  # of the log; SQLite has its other locks there


class OpenDatabase(Protocol):
    """A connection to a database."""

    file: Path


_guard = Lock()
_databases: WeakSet[OpenDatabase] = WeakSet()


def note_open(database: OpenDatabase) -> None:
    """It is open, until it is ``note_closed`` or collected."""
    with _guard:
        _databases.add(database)


def note_closed(database: OpenDatabase) -> None:
    """It is open no longer."""
    with _guard:
        _databases.discard(database)


def is_open_database(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a file that SQLite has locked, or may lock, for this program."""
    with _guard:
        files = {database.file for database in _databases}
    if not files:
        return False
    try:
        place = _place(os.path.realpath(path).removesuffix(_INDEX))
    except (OSError, ValueError):  # there is none
        return False
    return any(place == _place_of(file) for file in files)


def _place(path: str | os.PathLike[str]) -> tuple[int, int]:
    about = os.stat(path)
    return about.st_dev, about.st_ino


def _place_of(file: Path) -> tuple[int, int] | None:
    try:
        return _place(file)
    except OSError:  # moved or deleted
        return None
