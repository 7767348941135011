"""Snapshots of a catalogue, from which indexes are brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.stores.indexed_rows import IndexedRows
from imagefinder.stores.postgres import writes
from imagefinder.stores.postgres.blobs import select_local_features
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.session import Session
from imagefinder.types import Features, Keys, LocalFeatures

_CHANGES = "SELECT changes FROM {s}.state"
_PAGE = 64  # images whose local features are read at a time


class Rows(Protocol):
    """How the rows of an index are selected; see IndexedRows."""

    def keys(self, session: Session) -> Keys:
        """See IndexedRows."""

    def pages(self, session: Session, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        """See IndexedRows."""


@dataclass(frozen=True)
class _Snapshot:
    """See IndexedRows."""

    session: Session
    rows: Rows

    def keys(self) -> Keys:
        return self.rows.keys(self.session)

    def pages(self, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        return self.rows.pages(self.session, new, all_new)

    def newest_version(self) -> int:
        return writes.newest_version(self.session)

    def is_known(self, version: int) -> bool:
        return writes.is_known(self.session, version)

    def keys_since(self, version: int) -> Keys:
        return writes.keys_since(self.session, version)


class DatabaseRows:
    """See RowSource; a counter that triggers raise tells whether anything changed.

    Asking for it is one round trip. NOTIFY would save that, but not through PgBouncer, and what it
    says can be lost.
    """

    def __init__(self, connections: Connections, rows: Rows) -> None:
        """Nothing is read before it is needed."""
        self._connections, self._rows = connections, rows
        self._changes: int | None = None

    @contextmanager
    def changed(self) -> Iterator[IndexedRows | None]:
        """See RowSource."""
        if self._connections.look_up(_CHANGES) == self._changes:
            yield None
            return
        with self._connections.decoding(), self._connections.reading() as session:
            changes = session.value(_CHANGES)
            yield _Snapshot(session, self._rows)
        self._changes = changes

    def close(self) -> None:
        """See RowSource; it holds nothing."""


@dataclass(frozen=True)
class LocalRows:
    """See LocalFeatureRows."""

    connections: Connections
    dim: int

    def keys(self) -> Keys:
        """See LocalFeatureRows."""
        return self.connections.read(_local_keys)

    def count(self) -> int:
        """See LocalFeatureRows."""
        return int(self.connections.look_up("SELECT count(*) FROM {s}.local_features"))

    def select(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See LocalFeatureRows."""
        with self.connections.decoding():
            return self.connections.read(
                lambda session: select_local_features(session, keys, self.dim)
            )

    def source(self, vector_of: Callable[[LocalFeatures], Features]) -> DatabaseRows:
        """See LocalFeatureRows."""
        return DatabaseRows(self.connections, _VectorsOfLocal(self.dim, vector_of))


@dataclass(frozen=True)
class _VectorsOfLocal:
    """See Rows."""

    dim: int
    vector_of: Callable[[LocalFeatures], Features]

    def keys(self, session: Session) -> Keys:
        return _local_keys(session)

    def pages(self, session: Session, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        for page in batched(new.tolist(), _PAGE):
            found = select_local_features(session, page, self.dim)
            vectors = [self.vector_of(local) for local in found.values()]
            yield np.array(list(found), np.int64), np.concatenate(vectors)


def _local_keys(session: Session) -> Keys:
    return session.keys("SELECT key FROM {s}.local_features")
