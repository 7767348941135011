"""Connections to one SQLite file: a single writer, and a reader for each thread that asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import apsw
import sqlite_vec

from imagefinder.errors import NotACatalogue, StoreError

_WAIT_MS = 30_000  # for another program's write to end


class Connections:
    """Opened as they are needed, kept, and closed together."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises StoreError unless the file can be opened (``create`` makes it)."""
        self._path = path
        self._create = create
        self._free: list[apsw.Connection] = []
        self._guard = Lock()
        self._writing = Lock()
        self._closed = False
        self._writer = self.open()

    def write_ahead(self) -> None:
        """Let readers go on while the writer writes; the file remembers it."""
        end = monotonic() + _WAIT_MS / 1000
        with self.told():
            while True:
                try:
                    self._writer.pragma("journal_mode", "WAL")
                    return
                except apsw.BusyError:  # the one statement for which SQLite does not wait itself
                    if monotonic() > end:
                        raise
                    sleep(0.01)

    def open(self) -> apsw.Connection:
        """A connection of the caller's own."""
        if self._closed:
            raise StoreError(f"{self._path.name} was closed")
        with self.told():
            connection = self._connection()
            connection.set_busy_timeout(_WAIT_MS)
            connection.pragma("trusted_schema", False)  # the file may come from anyone
            connection.pragma("foreign_keys", True)
            # with WAL: a crash may cost the newest commits, no more
            connection.pragma("synchronous", "NORMAL")
            connection.enable_load_extension(True)
            connection.load_extension(sqlite_vec.loadable_path())
            connection.enable_load_extension(False)
        return connection

    def _connection(self) -> apsw.Connection:
        if self._create:
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
            return apsw.Connection(str(self._path), flags)
        if os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK):
            return apsw.Connection(str(self._path), apsw.SQLITE_OPEN_READWRITE)
        # in a place where nothing may be written SQLite cannot make the files it shares with
        # other programs; unless one of those is at work, it may do without
        alone = not self._path.with_name(f"{self._path.name}-wal").exists()
        uri = f"{self._path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        return apsw.Connection(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection inside one read transaction: everything seen is of one moment."""
        with self._guard:
            connection = self._free.pop() if self._free else None
        connection = connection or self.open()
        try:
            with self.told(), connection:
                yield connection
        finally:
            with self._guard:
                if self._closed:
                    connection.close()
                else:
                    self._free.append(connection)

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """The writer inside one transaction, which is undone if anything is raised."""
        with self._writing, self.told():
            if self._closed:
                raise StoreError(f"{self._path.name} was closed")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk may have ended it already
                    self._writer.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close all; a reader in use is closed when it is done."""
        with self._writing, self._guard:
            self._closed = True
            for connection in (*self._free, self._writer):
                connection.close()
            self._free.clear()

    @contextmanager
    def told(self) -> Iterator[None]:
        """SQLite's errors in our words."""
        try:
            yield
        except UnicodeEncodeError as error:
            raise StoreError(f"{self._path} has a name that is not UTF-8: rename it") from error
        except apsw.NotADBError as error:
            raise NotACatalogue(f"{self._path.name} is not a catalogue of ImageFinder") from error
        except apsw.ReadOnlyError as error:
            raise StoreError(f"{self._path.name} lies where nothing may be written") from error
        except apsw.BusyError as error:
            raise StoreError(
                f"another program keeps writing to {self._path.name}: try again"
            ) from error
        except apsw.FullError as error:
            raise StoreError(
                "the disk is full: make room and run it again; nothing stored is lost"
            ) from error
        except apsw.CorruptError as error:
            raise self.damaged() from error
        except apsw.Error as error:
            raise StoreError(f"{self._path.name} cannot be used: {error}") from error

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """For making sense of what was read: if there is none, the file is damaged."""
        try:
            yield
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise self.damaged() from error

    def damaged(self) -> StoreError:
        """What to do about it."""
        return StoreError(f"{self._path.name} is damaged: restore a copy of it")
