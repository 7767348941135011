"""The SQL of writes: a number for every transaction that stored vectors; see IndexedRows."""

from __future__ import annotations

import time

from imagefinder.stores.postgres.session import Session
from imagefinder.types import Keys


def record_write(session: Session) -> int:
    """Its version: greater than any before, and unlikely to be given twice in two histories."""
    version = max(newest_version(session) + 1, time.time_ns())
    session.execute("INSERT INTO {s}.writes (version) VALUES (%s)", (version,))
    return version


def newest_version(session: Session) -> int:
    """The version of the newest write; 0 before the first."""
    return int(session.value("SELECT max(version) FROM {s}.writes") or 0)


def is_known(session: Session, version: int) -> bool:
    """Whether the catalogue's history has this write, or it is 0, before the first."""
    listed = session.value("SELECT 1 FROM {s}.writes WHERE version = %s", (version,))
    return version == 0 or listed is not None


def keys_since(session: Session, version: int) -> Keys:
    """The keys of images whose vectors were stored after this write, ascending."""
    return session.keys("SELECT key FROM {s}.images WHERE version > %s", (version,))
