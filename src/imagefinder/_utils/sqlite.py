"""SQLite: opening a database file safely, read-only where it cannot be written.

A program that may not write beside a database cannot take part in SQLite's locking unless another
program has made the files for it. Where it cannot, it reads the file as one that does not change;
``is_current`` tells whether that was so.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw

from imagefinder._utils.open_databases import note_closed, note_open

_ATTEMPTS = 20  # to copy a file between two writes


class Connection(apsw.Connection):
    """A connection that knows the file it was opened for."""

    file: Path
    state: tuple[object, ...]
    is_shared = True
    """Whether it sees what other programs write, and they see its locks."""
    copy: TemporaryDirectory[str] | None = None
    """Where a copy of the file lies that is read instead."""

    def close(self, force: bool = False) -> None:
        """Closes, and deletes the copy."""
        if self.copy is None and self.is_shared and not self.is_in_place():
            # else SQLite deletes by their names the log and the index of the file there now
            with suppress(apsw.Error):
                persist = ctypes.c_int(1)
                pointer = ctypes.addressof(persist)
                self.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, pointer)
        super().close(force)
        note_closed(self)
        if self.copy is not None:
            self.copy.cleanup()

    def is_current(self) -> bool:
        """Whether the same file is still at its path; unshared also whether it is unchanged."""
        return self.state == _state(self.file, self.is_shared)

    def is_in_place(self) -> bool:
        """Whether the same file is still at its path, changed or not."""
        return self.is_same_file(_state(self.file, self.is_shared))

    def is_same_file(self, state: tuple[object, ...]) -> bool:
        """Whether another connection's state is of the file that this one reads."""
        return self.state[:2] == state[:2]


def connect(path: Path, *, create: bool = False, wait_ms: int = 0) -> Connection:
    """A connection to a file that anyone may have made; read-only if it cannot be written.

    ``create`` makes a missing file; ``wait_ms`` is how long to wait for other programs' locks.
    Raises apsw.Error.
    """
    connection = _open(path, create)
    try:
        connection.set_busy_timeout(wait_ms)
        connection.pragma("trusted_schema", False)  # its views and triggers may be malicious
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path, create: bool) -> Connection:
    if create and not path.exists():
        _set_aside_leftovers(path)
    if (create and not path.exists()) or _is_writable(path):
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        return _described(Connection(str(path), flags), path)
    for _ in range(_ATTEMPTS):
        connection = _shared(path) or _unshared(path)
        if connection is None:
            continue
        if connection.is_current():
            return connection
        connection.close()
    raise apsw.BusyError(f"{path.name} changes all the time")


def _set_aside_leftovers(path: Path) -> None:
    """Out of the way of a new file: the log and index of one that is gone from its path.

    A program that has that one open still would share them with the new one, and each would take
    the other's pages for its own. A log may hold what was not copied to its file, so it is renamed.
    """
    with suppress(FileNotFoundError):
        path.with_name(f"{path.name}-shm").unlink()
    wal = _wal(path)
    if wal.exists():
        if wal.stat().st_size:
            number = next(n for n in count(1) if not _numbered(wal, n).exists())
            wal.rename(_numbered(wal, number))
        else:
            wal.unlink()


def _numbered(wal: Path, number: int) -> Path:
    return wal.with_name(f"{wal.name}.removed-{number}")


def _shared(path: Path) -> Connection | None:
    """Read-only, by means of the files that a program which writes has made beside it."""
    if not _wal(path).exists():
        return None
    connection = _read_only(path, "")
    try:
        connection.pragma("schema_version")
    except (apsw.CantOpenError, apsw.ReadOnlyError):  # those files are missing, or not for us
        connection.close()
        return None
    return _described(connection, path)


def _unshared(path: Path) -> Connection | None:
    """Read-only: the file itself if nothing is written beside it, else a copy."""
    state = _state(path, is_shared=False)
    if not _wal(path).exists():
        connection = _read_only(path, "&immutable=1")
    else:
        copy = TemporaryDirectory(prefix="imagefinder-", ignore_cleanup_errors=True)
        for file in (path, _wal(path)):
            with suppress(FileNotFoundError):  # the log has just gone
                shutil.copyfile(file, Path(copy.name) / file.name)
        if state != _state(path, is_shared=False):
            copy.cleanup()
            return None
        connection = _read_only(Path(copy.name) / path.name, "")
        connection.copy = copy
    connection.file, connection.state, connection.is_shared = path, state, False
    return connection


def _read_only(path: Path, parameters: str) -> Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro{parameters}"
    return Connection(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _described(connection: Connection, path: Path) -> Connection:
    connection.file, connection.state = path, _state(path, is_shared=True)
    note_open(connection)
    return connection


def _state(path: Path, is_shared: bool) -> tuple[object, ...]:
    """Which file is at a path; and in which state, with its log, if it is not shared."""
    return tuple(_states(path, is_shared))


def _states(path: Path, is_shared: bool) -> Iterator[object]:
    for file in (path,) if is_shared else (path, _wal(path)):
        try:
            about = os.stat(file)
        except OSError:
            yield None
            continue
        yield from (about.st_dev, about.st_ino)
        if not is_shared:
            yield from (about.st_size, about.st_mtime_ns)


def _wal(path: Path) -> Path:
    """The write-ahead log, which is there while a program has the file open for writing."""
    return path.with_name(f"{path.name}-wal")


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
