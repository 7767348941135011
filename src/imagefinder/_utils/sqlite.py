"""SQLite: opening a database file safely, read-only where it cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import apsw


def connect(path: Path, *, create: bool = False, wait_ms: int = 0) -> apsw.Connection:
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


def _open(path: Path, create: bool) -> apsw.Connection:
    if (create and not path.exists()) or _is_writable(path):
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        return apsw.Connection(str(path), flags)
    # SQLite cannot make the files beside it that it shares with other programs; it may do without
    # them as long as no other program has the file open
    is_alone = not path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_alone else ''}"
    return apsw.Connection(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
