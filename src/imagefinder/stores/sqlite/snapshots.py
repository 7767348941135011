"""Snapshots of a catalogue's file, from which indexes are brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import apsw
import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder._utils.sqlite import Connection
from imagefinder.stores.indexed_rows import IndexedRows
from imagefinder.stores.sqlite import writes
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.local_features import select_local_features
from imagefinder.stores.sqlite.records import keys_of
from imagefinder.types import Features, Keys, LocalFeatures

_PAGE = 64  # images whose local features are read at a time


class Rows(Protocol):
    """How the rows of an index are selected; see IndexedRows."""

    def keys(self, connection: apsw.Connection) -> Keys:
        """See IndexedRows."""

    def pages(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """See IndexedRows."""


@dataclass(frozen=True)
class _Snapshot:
    """See IndexedRows."""

    connection: apsw.Connection
    rows: Rows

    def keys(self) -> Keys:
        return self.rows.keys(self.connection)

    def pages(self, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        return self.rows.pages(self.connection, new, all_new)

    def newest_version(self) -> int:
        return writes.newest_version(self.connection)

    def is_known(self, version: int) -> bool:
        return writes.is_known(self.connection, version)

    def keys_since(self, version: int) -> Keys:
        return writes.keys_since(self.connection, version)


class FileRows:
    """See RowSource; it has a connection of its own."""

    def __init__(self, connections: Connections, rows: Rows) -> None:
        """Nothing is opened before it is needed."""
        self._connections, self._rows = connections, rows
        self._connection: Connection | None = None
        self._data_version: object = None

    @contextmanager
    def changed(self) -> Iterator[IndexedRows | None]:
        """See RowSource."""
        with self._connections.translate_errors(), self._connections.decoding():
            connection = self._current()
            # SQLite changes this number when any other connection commits
            data_version = connection.pragma("data_version")
            if data_version == self._data_version:
                yield None
                return
            with connection:  # one snapshot for all that follows
                yield _Snapshot(connection, self._rows)
            self._data_version = data_version

    def close(self) -> None:
        """See RowSource."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _current(self) -> Connection:
        if self._connection is None or not self._connection.is_current():
            self.close()
            self._connection = self._connections.open()
            self._data_version = None
        return self._connection


@dataclass(frozen=True)
class LocalRows:
    """See LocalFeatureRows."""

    connections: Connections
    dim: int

    def keys(self) -> Keys:
        """See LocalFeatureRows."""
        with self.connections.reading() as connection:
            return _local_keys(connection)

    def count(self) -> int:
        """See LocalFeatureRows."""
        with self.connections.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM local_features").get)

    def select(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See LocalFeatureRows."""
        with self.connections.reading() as connection, self.connections.decoding():
            return select_local_features(connection, keys, self.dim)

    def source(self, vector_of: Callable[[LocalFeatures], Features]) -> FileRows:
        """See LocalFeatureRows."""
        return FileRows(self.connections, _VectorsOfLocal(self.dim, vector_of))


@dataclass(frozen=True)
class _VectorsOfLocal:
    """See Rows."""

    dim: int
    vector_of: Callable[[LocalFeatures], Features]

    def keys(self, connection: apsw.Connection) -> Keys:
        return _local_keys(connection)

    def pages(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        for page in batched(new.tolist(), _PAGE):
            found = select_local_features(connection, page, self.dim)
            vectors = [self.vector_of(local) for local in found.values()]
            yield np.array(list(found), np.int64), np.concatenate(vectors)


def _local_keys(connection: apsw.Connection) -> Keys:
    return keys_of(connection.execute("SELECT key FROM local_features"))
