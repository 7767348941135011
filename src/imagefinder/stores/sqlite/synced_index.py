"""An index that follows a catalogue's file, and is saved beside it once it is large."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import apsw
import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.errors import IndexDamaged
from imagefinder.similarity import dtype
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.types import Features, Index, Keys, Neighbors, Recipe

_PAGE = 1000  # vectors taken from the file at a time
_HELD = 256 * 2**20  # bytes of new ones

log = logging.getLogger(__name__)


class Rows(Protocol):
    """What an index holds of a catalogue's file."""

    def keys(self, connection: apsw.Connection) -> Keys:
        """The images that have rows, ascending."""

    def of(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """The rows of these images, page by page; ``all_new`` if that is all there are."""


class SyncedIndex:
    """Made true to the file before each search, whoever wrote to it since.

    A key stands for a content, and a catalogue has one recipe, so a key's vectors never change:
    the index is true when it holds the file's keys. Losing it costs only the time to make it anew.
    """

    save_from = 8 * 2**20
    """Bytes that may gather in memory before the index is saved beside the catalogue."""

    def __init__(self, index: Index, saved: Path, connections: Connections, rows: Rows) -> None:
        """``index`` is empty; the first search fills it. ``saved`` is where it may be saved."""
        self._index = index
        self._connections = connections
        self._rows = rows
        self._saved = saved
        self._guard = Lock()
        self._watch: apsw.Connection | None = None
        self._seen: object = None
        self._refused = 0

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""
        with self._guard, self._connections.told(), self._connections.decoding():
            self._refresh()
        return self._index.search(query, k, subset)

    def build(self) -> None:
        """Save it now, however few there are."""
        with self._guard, self._connections.told(), self._connections.decoding():
            self._refresh()
            self._save()

    def close(self) -> None:
        """Let go of the file."""
        with self._guard:
            if self._watch is not None:
                self._watch.close()
                self._watch = None

    def forget(self) -> None:
        """Take away what was saved, where that may be done."""
        with suppress(OSError):
            self._saved.unlink()

    def _refresh(self) -> None:
        if self._watch is None:
            self._watch = self._connections.open()
            self._load()
        # SQLite changes this number when any other connection commits
        version = self._watch.pragma("data_version")
        if version == self._seen:
            return
        self._seen = version
        with self._watch:  # one moment for all that follows
            held = self._index.keys
            stored = self._rows.keys(self._watch)
            self._index.remove(np.setdiff1d(held, stored, assume_unique=True))
            new = np.setdiff1d(stored, held, assume_unique=True)
            try:
                self._add(self._watch, new, all_new=len(new) == len(stored))
            except BaseException:
                self._index.remove(new)  # no key may be left with half of its rows
                self._seen = None
                raise

    def _add(self, connection: apsw.Connection, new: Keys, all_new: bool) -> None:
        for keys, vectors in self._rows.of(connection, new, all_new):
            self._index.add(keys, vectors)
            if self._index.pending_bytes > max(_HELD, self._index.saved_bytes):
                self._save()  # lest a catalogue's first index be all in memory
        # the more is saved, the seldomer it is all written again
        enough = max(self.save_from, self._index.saved_bytes // 4, self._refused)
        if self._index.pending_bytes > enough:
            self._save()

    def _load(self) -> None:
        if self._saved.exists():
            try:
                self._index.load(self._saved)
            except IndexDamaged as error:
                log.info("the index is made anew: %s", error)

    def _save(self) -> None:
        pending = self._index.pending_bytes
        try:
            self._index.save(self._saved)
        except (OSError, IndexDamaged) as error:
            # a cache only: the folder may be read-only, the disk full, the file gone again
            log.info("the index stays in memory: %s", error)
            self._refused = 2 * pending  # no sooner is it tried again
        else:
            self._seen = None  # another program may have saved just now: compare once more


@dataclass(frozen=True)
class Vectors:
    """The vectors themselves, as rows."""

    recipe: Recipe

    def keys(self, connection: apsw.Connection) -> Keys:
        """See Rows."""
        return keys_of(connection.execute("SELECT DISTINCT key FROM vectors"))

    def of(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """See Rows."""
        for page in batched(_stored_vectors(connection, new, all_new), _PAGE):
            keys = np.array([key for key, _ in page], np.int64)
            yield keys, matrix([blob for _, blob in page], self.recipe)


def keys_of(rows: Iterator[Any]) -> Keys:
    """From a query for keys, ascending."""
    return np.sort(np.fromiter((key for (key,) in rows), np.int64))


def matrix(blobs: Sequence[bytes], recipe: Recipe) -> Features:
    """The rows that were stored as these bytes. Raises ValueError or TypeError for others."""
    flat = np.frombuffer(b"".join(blobs), dtype(recipe.measure))
    if not np.isfinite(flat).all():
        raise ValueError("vectors are not finite")
    return flat.reshape(len(blobs), recipe.dim)


def _stored_vectors(connection: apsw.Connection, keys: Keys, all_new: bool) -> Iterator[Any]:
    """Rows of (key, blob): in the order of the file if all are new, else looked up by key."""
    if all_new:
        return iter(connection.execute("SELECT key, vector FROM vectors ORDER BY rowid"))
    pages = batched(keys.tolist(), _PAGE)
    return chain.from_iterable(
        connection.execute(
            "SELECT key, vector FROM vectors WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(page),),
        )
        for page in pages
    )
