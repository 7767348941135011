"""Care of a catalogue: what is damaged in it, and space given back to the disk."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from psycopg.errors import Diagnostic

from imagefinder.errors import CatalogueDamaged, StoreError
from imagefinder.stores.damage import Damage
from imagefinder.stores.postgres.address import Address
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.opened_catalogue import OpenedCatalogue
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.statistics import select_statistics
from imagefinder.types import id_of

_TABLES = (
    "catalogue",
    "images",
    "files",
    "vectors",
    "local_features",
    "signatures",
    "writes",
    "other_vectors",
    "other_images",
)
_WITHOUT_FILES = (
    "SELECT key FROM {s}.images AS own WHERE NOT in_memory"
    " AND NOT EXISTS (SELECT 1 FROM {s}.files WHERE files.key = own.key)"
)
_WITHOUT_RECORD = (
    "SELECT DISTINCT key FROM {{s}}.{} AS own"
    " WHERE NOT EXISTS (SELECT 1 FROM {{s}}.images WHERE images.key = own.key)"
)


def find_damage(opened: OpenedCatalogue) -> list[Damage]:
    """What cannot be read, or does not belong together.

    The server verifies the checksum of every page, if it was set up with them (initdb -k).
    """
    found: list[Damage] = []
    for table in _TABLES:
        try:
            opened.connections.read(partial(_read_whole, table))
        except CatalogueDamaged as error:
            found.append(Damage(f"the table {table}: {error.__cause__}"))
    return found or opened.connections.read(_find_loose_ends)


def vacuum(connections: Connections) -> int:
    """See ``Store.vacuum``. Locks one table at a time.

    Raises StoreError for a user who may not: the server only warns, and skips the table.
    """
    before = connections.read(select_statistics).size
    skipped: list[str] = []

    def note(notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            skipped.append(str(notice.message_primary))

    with connections.connected() as connection:
        schema = connections.address.schema
        connection.add_notice_handler(note)
        try:
            for table in _TABLES:
                connection.execute(f"VACUUM (FULL, ANALYZE) {schema}.{table}".encode())
        finally:
            connection.remove_notice_handler(note)
    if skipped:
        raise StoreError(
            f"{connections.address.shown}: {skipped[0]}: let the owner of its tables do it"
        )
    return before - connections.read(select_statistics).size


def no_backup(address: Address, target: Path) -> StoreError:
    """What to do in place of a backup to a file."""
    return StoreError(
        f"{address.shown} is backed up with its database: pg_dump --schema {address.name}. "
        f"For a catalogue in a file: imagefinder copy '{address.shown}' {target}"
    )


def no_repair(address: Address) -> StoreError:
    """What to do in place of a repair."""
    return StoreError(
        f"{address.shown} cannot be repaired from here: restore a backup of the database"
    )


def _read_whole(table: str, session: Session) -> None:
    for _ in session.copy_out(f"SELECT * FROM {{s}}.{table}"):
        pass


def _find_loose_ends(session: Session) -> list[Damage]:
    found = [
        Damage(f"the files of image {id_of(key)}", key, spares_image=True)
        for (key,) in session.rows(_WITHOUT_FILES)
    ]
    for table in ("files", "vectors", "local_features", "signatures"):
        rows = session.rows(_WITHOUT_RECORD.format(table))
        found += [Damage(f"the record of image {id_of(key)}", key) for (key,) in rows]
    return found
