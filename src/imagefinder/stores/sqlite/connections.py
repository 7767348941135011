"""Connection pool for one SQLite file: a single writer, and a reader for each thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import apsw
import sqlite_vec

from imagefinder._utils.sqlite import Connection, connect
from imagefinder.errors import CatalogueDamaged, DiskFull, NotACatalogue, StoreError
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.checksums import DamagedRow

# what reading a damaged file raises: SQLite, apsw for a text that is not UTF-8, and we
_DAMAGES = (apsw.CorruptError, UnicodeDecodeError, DamagedRow)
_WAIT_MS = 30_000  # for another program's write to end
_RETIRING_MS = 5_000  # for own readers to end


class Connections:
    """Opened on demand, reused, and closed together."""

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        """Raises StoreError unless the file can be opened (``create`` makes it)."""
        self._path = path
        self._create = create
        self.read_only = read_only
        self._translations = _translations(path)
        self._free: list[Connection] = []
        self._guard = Lock()
        self._writing = Lock()
        self._closed = self._retired = False
        self._writer = self._connect()

    def write_ahead(self) -> None:
        """Switch to write-ahead logging (WAL), so that readers do not wait for the writer."""
        end = monotonic() + _WAIT_MS / 1000
        with self.translate_errors():
            while True:
                try:
                    self._writer.pragma("journal_mode", "WAL")
                    return
                except apsw.BusyError:  # the one statement that ignores the busy timeout
                    if monotonic() > end:
                        raise
                    sleep(0.01)

    def is_in_place(self) -> bool:
        """Whether the file that was opened is still at its path."""
        return not self._retired and self._writer.is_in_place()

    def open(self) -> Connection:
        """A connection that the caller owns."""
        connection = self._connect()
        if not self._writer.is_same_file(connection.state):
            connection.close()
            raise StoreError(f"{self._path.name} has just been replaced: try again")
        return connection

    def _connect(self) -> Connection:
        self._check_open()
        with self.translate_errors():
            connection = connect(self._path, create=self._create, wait_ms=_WAIT_MS)
            connection.pragma("foreign_keys", True)
            # what is reported as done survives a power failure
            connection.pragma("synchronous", "FULL")
            connection.enable_load_extension(True)
            connection.load_extension(sqlite_vec.loadable_path())
            connection.enable_load_extension(False)
            if self.must_not_write(connection):
                schema.show_as_migrated(connection)
            connection.pragma("query_only", self.read_only)
        return connection

    def must_not_write(self, connection: apsw.Connection) -> bool:
        """Whether a connection only reads: the file cannot be written, or is not to be."""
        return self.read_only or connection.readonly("main")

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection inside one read transaction: a consistent snapshot."""
        connection = self._current()
        try:
            with self._unchanged(connection), self.translate_errors(), connection:
                yield connection
        finally:
            with self._guard:
                if self._closed:
                    connection.close()
                else:
                    self._free.append(connection)

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """The writer inside one transaction, rolled back if anything is raised."""
        with self._writing, self.translate_errors():
            self._check_open()
            if self.must_not_write(self._writer):
                raise apsw.ReadOnlyError
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk may have ended it already
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """The writer outside of any transaction, for what is one itself."""
        with self._writing, self.translate_errors():
            self._check_open()
            yield self._writer

    def close(self) -> None:
        """Close all connections; a reader in use is closed when its transaction ends."""
        with self._writing, self._guard:
            self._closed = True
            for connection in (*self._free, self._writer):
                connection.close()
            self._free.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self._path.name} is closed: open it again")

    def _current(self) -> Connection:
        """A connection that is free and sees the file as it is, or a new one."""
        while True:
            with self._guard:
                connection = self._free.pop() if self._free else None
            if connection is None:
                return self.open()
            if not self._was_changed(connection):
                return connection
            connection.close()

    @contextmanager
    def _unchanged(self, connection: Connection) -> Iterator[None]:
        """Raise StoreError if a file that cannot be locked was changed meanwhile."""
        try:
            yield
        except Exception as error:
            if self._was_changed(connection):
                raise self._changed() from error
            raise
        if self._was_changed(connection):
            raise self._changed()

    @staticmethod
    def _was_changed(connection: Connection) -> bool:
        return not (connection.is_shared or connection.is_current())

    def _changed(self) -> StoreError:
        return StoreError(f"{self._path.name} was changed while it was read: try again")

    def retire(self) -> None:
        """Close after another file has taken the place of this one.

        What the write-ahead log holds is of this file, so it is written there and emptied: SQLite
        would apply it to the other one.
        """
        self._retired = True
        with self._writing, suppress(apsw.Error):
            self._writer.set_busy_timeout(_RETIRING_MS)
            self._writer.pragma("wal_checkpoint", "TRUNCATE")
        self.close()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise StoreError for SQLite's errors."""
        try:
            yield
        except tuple(self._translations) as error:
            for kind, translation in self._translations.items():
                if isinstance(error, kind):
                    raise translation(error) from error

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Raise StoreError, saying that the file is damaged, where its content is invalid."""
        try:
            yield
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise _damaged(self._path, error) from error


def _translations(path: Path) -> Mapping[type[Exception], Callable[[Exception], StoreError]]:
    """For each error the exception to raise; the first kind that fits counts."""
    name = path.name
    messages: dict[type[Exception], str] = {
        UnicodeEncodeError: f"the name of {path} is not UTF-8: rename it",
        apsw.ReadOnlyError: f"{name} is read-only, or in a folder that cannot be written",
        apsw.BusyError: f"another program keeps writing to {name}: try again",
    }
    return {
        **{kind: _raises(message) for kind, message in messages.items()},
        apsw.FullError: lambda _: DiskFull(
            "the disk is full: free some space and try again; nothing stored is lost"
        ),
        apsw.IOError: _raises(
            f"the disk of {name} fails to read or write, or a quota is used up: check the disk; "
            "nothing stored is lost"
        ),
        apsw.NotADBError: lambda _: NotACatalogue(f"{name} is not an ImageFinder catalogue"),
        **dict.fromkeys(_DAMAGES, lambda error: _damaged(path, error)),
        apsw.Error: lambda error: StoreError(f"{name} cannot be used: {error}"),
    }


def _raises(message: str) -> Callable[[Exception], StoreError]:
    return lambda _: StoreError(message)


def _damaged(path: Path, error: Exception) -> CatalogueDamaged:
    where = f" ({error})" if isinstance(error, DamagedRow) else ""
    return CatalogueDamaged(f"{path.name} is damaged{where}: run imagefinder check")
