"""An index synced with a catalogue's file before each search, and saved beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Protocol

import apsw
import numpy as np

from imagefinder._utils.sqlite import Connection
from imagefinder.errors import IndexDamaged
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.types import Features, Index, Keys, Neighbors

_MAX_PENDING = 256 * 2**20  # bytes of new vectors in memory

log = logging.getLogger(__name__)


class IndexedRows(Protocol):
    """The rows of a catalogue's file that go into an index."""

    def keys(self, connection: apsw.Connection) -> Keys:
        """The keys of the images that have rows, ascending."""

    def pages(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """The rows of these images, page by page; ``all_new`` if these are all there are."""


class SyncedIndex:
    """Brought up to date with the file before each search, whoever wrote to it since.

    A key stands for content, and a catalogue has one recipe, so the vectors of a key never change:
    the index is up to date when it holds the same keys. It can be rebuilt at any time.
    """

    save_from = 8 * 2**20
    """Pending bytes from which the index is saved beside the catalogue."""

    def __init__(
        self, index: Index, saved: Path, connections: Connections, rows: IndexedRows
    ) -> None:
        """``index`` is empty until the first search; ``saved`` is where to save it."""
        self._index = index
        self._connections = connections
        self._rows = rows
        self._saved = saved
        self._guard = Lock()
        self._connection: Connection | None = None
        self._data_version: object = None
        self._retry_bytes = 0

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""
        with self._guard, self._connections.translate_errors(), self._connections.decoding():
            self._refresh()
        return self._index.search(query, k, subset)

    def build(self) -> None:
        """Build and save it now, however small."""
        with self._guard, self._connections.translate_errors(), self._connections.decoding():
            self._refresh()
            self._save()

    def close(self) -> None:
        """Release the catalogue's file."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def delete_saved(self) -> None:
        """Delete the saved index, if possible."""
        with suppress(OSError):
            self._saved.unlink()

    def _refresh(self) -> None:
        if self._connection is None:
            self._connection = self._connections.open()
            self._load()
        if not self._connection.is_current():
            self._connection.close()
            self._connection = self._connections.open()
            self._data_version = None
        # SQLite changes this number when any other connection commits
        version = self._connection.pragma("data_version")
        if version == self._data_version:
            return
        self._data_version = version
        with self._connection:  # one snapshot for all that follows
            held = self._index.keys
            stored = self._rows.keys(self._connection)
            self._index.remove(np.setdiff1d(held, stored, assume_unique=True))
            new = np.setdiff1d(stored, held, assume_unique=True)
            try:
                self._add(self._connection, new, all_new=len(new) == len(stored))
            except BaseException:
                self._index.remove(new)  # no key may be left with only some of its rows
                self._data_version = None
                raise

    def _add(self, connection: apsw.Connection, new: Keys, all_new: bool) -> None:
        for keys, vectors in self._rows.pages(connection, new, all_new):
            self._index.add(keys, vectors)
            if self._index.pending_bytes > max(_MAX_PENDING, self._index.saved_bytes):
                self._save()  # so that a first index does not fill the memory
        # the more is saved, the less often all of it is rewritten
        threshold = max(self.save_from, self._index.saved_bytes // 4, self._retry_bytes)
        if self._index.pending_bytes > threshold:
            self._save()

    def _load(self) -> None:
        if self._saved.exists():
            try:
                self._index.load(self._saved)
            except IndexDamaged as error:
                log.info("rebuilding the index: %s", error)

    def _save(self) -> None:
        pending = self._index.pending_bytes
        try:
            self._index.save(self._saved)
        except (OSError, IndexDamaged) as error:
            # only a cache: the folder may be read-only, the disk full, the file deleted
            log.info("the index stays in memory: %s", error)
            self._retry_bytes = 2 * pending  # not tried again before that
        else:
            self._data_version = None  # another program may have replaced the file: compare again
