"""Keyset pagination through a catalogue: each page is a snapshot of its own."""

from __future__ import annotations

from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.opened_catalogue import OpenedCatalogue
from imagefinder.stores.sqlite.records import FILES, select_records
from imagefinder.stores.sqlite.vectors import select_vectors
from imagefinder.stores.sqlite.where import select_keys
from imagefinder.types import Features, Record

_PATHS = 1000
_IMAGES = 100  # with all their vectors


def page_of_records(opened: OpenedCatalogue, after: int) -> list[tuple[Record, Features]]:
    """The next images in order of their keys, with their vectors. Raises EncoderChanged."""
    with opened.reading() as connection, opened.connections.decoding():
        keys = select_keys(connection, (), None, after, _IMAGES).tolist()
        vectors = select_vectors(connection, keys, opened.recipe)
        return [(one, vectors[key]) for key, one in select_records(connection, keys).items()]


def page_of_paths(connections: Connections, after: str, end: str) -> list[str]:
    """The next paths between ``after`` and ``end``, both excluded, in order."""
    sql = f"SELECT {FILES.selected} FROM files WHERE path > ? AND path < ? ORDER BY path LIMIT ?"
    with connections.reading() as connection:
        rows = FILES.verified(connection.execute(sql, (after, end, _PATHS)))
        return [path for path, *_ in rows]
