"""The SQL of writes: a number for every transaction that stored vectors.

Each image carries the number of the write that stored its vectors, so that an index which has seen
a catalogue up to some write knows what came, or came again, since; and an index that has seen a
write which the catalogue does not list belongs to another history of it, as after a backup was
restored.
"""

from __future__ import annotations

import time

import apsw


def record_write(connection: apsw.Connection) -> int:
    """Its version: greater than any before, and unlikely to be given twice in two histories."""
    version = max(newest_version(connection) + 1, time.time_ns())
    connection.execute("INSERT INTO writes (version) VALUES (?)", (version,))
    return version


def newest_version(connection: apsw.Connection) -> int:
    """The version of the newest write; 0 before the first."""
    return int(connection.execute("SELECT max(version) FROM writes").get or 0)
