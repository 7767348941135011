"""The SQL of writes: a number for every transaction that stored vectors.

Each image carries the number of the write that stored its vectors, so that an index which has seen
a catalogue up to some write knows what came, or came again, since; and an index that has seen a
write which the catalogue does not list belongs to another history of it, as after a backup was
restored.
"""

from __future__ import annotations

import time

import apsw

from imagefinder.stores.sqlite.records import keys_of
from imagefinder.types import Keys


def record_write(connection: apsw.Connection) -> int:
    """Its version: greater than any before, and unlikely to be given twice in two histories."""
    version = max(newest_version(connection) + 1, time.time_ns())
    connection.execute("INSERT INTO writes (version) VALUES (?)", (version,))
    return version


def newest_version(connection: apsw.Connection) -> int:
    """The version of the newest write; 0 before the first."""
    return int(connection.execute("SELECT max(version) FROM writes").get or 0)


def is_known(connection: apsw.Connection, version: int) -> bool:
    """Whether the catalogue's history has this write, or it is 0, before the first."""
    listed = connection.execute("SELECT 1 FROM writes WHERE version = ?", (version,)).get
    return version == 0 or listed is not None


def keys_since(connection: apsw.Connection, version: int) -> Keys:
    """The keys of images whose vectors were stored after this write, ascending."""
    return keys_of(connection.execute("SELECT key FROM images WHERE version > ?", (version,)))
