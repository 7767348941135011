"""Connection pool for one SQLite file: a single writer, and a reader for each thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import apsw
import sqlite_vec

from imagefinder._utils.sqlite import connect
from imagefinder.errors import CatalogueDamaged, DiskFull, NotACatalogue, StoreError
from imagefinder.stores.sqlite.checksums import DamagedRow

# what reading a damaged file raises: SQLite, apsw for a text that is not UTF-8, and we
_DAMAGES = (apsw.CorruptError, UnicodeDecodeError, DamagedRow)
_WAIT_MS = 30_000  # for another program's write to end


class Connections:
    """Opened on demand, reused, and closed together."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises StoreError unless the file can be opened (``create`` makes it)."""
        self._path = path
        self._create = create
        self._translations = _translations(path)
        self._free: list[apsw.Connection] = []
        self._guard = Lock()
        self._writing = Lock()
        self._closed = False
        self._writer = self.open()

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

    def open(self) -> apsw.Connection:
        """A connection that the caller owns."""
        if self._closed:
            raise StoreError(f"{self._path.name} is closed: open it again")
        with self.translate_errors():
            connection = connect(self._path, create=self._create, wait_ms=_WAIT_MS)
            connection.pragma("foreign_keys", True)
            # with WAL: a crash may lose the newest commits, no more
            connection.pragma("synchronous", "NORMAL")
            connection.enable_load_extension(True)
            connection.load_extension(sqlite_vec.loadable_path())
            connection.enable_load_extension(False)
        return connection

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection inside one read transaction: a consistent snapshot."""
        with self._guard:
            connection = self._free.pop() if self._free else None
        connection = connection or self.open()
        try:
            with self.translate_errors(), connection:
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
            if self._closed:
                raise StoreError(f"{self._path.name} is closed: open it again")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk may have ended it already
                    self._writer.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close all connections; a reader in use is closed when its transaction ends."""
        with self._writing, self._guard:
            self._closed = True
            for connection in (*self._free, self._writer):
                connection.close()
            self._free.clear()

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
        apsw.NotADBError: lambda _: NotACatalogue(f"{name} is not an ImageFinder catalogue"),
        **dict.fromkeys(_DAMAGES, lambda error: _damaged(path, error)),
        apsw.Error: lambda error: StoreError(f"{name} cannot be used: {error}"),
    }


def _raises(message: str) -> Callable[[Exception], StoreError]:
    return lambda _: StoreError(message)


def _damaged(path: Path, error: Exception) -> CatalogueDamaged:
    where = f" ({error})" if isinstance(error, DamagedRow) else ""
    return CatalogueDamaged(f"{path.name} is damaged{where}: run imagefinder check")
