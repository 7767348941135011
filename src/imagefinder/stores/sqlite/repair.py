"""Repair of a catalogue's file: all that is intact, in a file made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from imagefinder.errors import CatalogueDamaged
from imagefinder.stores.damage import Damage
from imagefinder.stores.items import items_of
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.atomic_database import atomic_database
from imagefinder.stores.sqlite.checksums import CheckedTable
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.damage import TABLES, UNREADABLE
from imagefinder.stores.sqlite.maintenance import copy_pages, new_file
from imagefinder.stores.sqlite.records import IMAGES
from imagefinder.types import Item

# a damaged image is taken out with all that is its own, to be encoded again; one whose files are
# not known any longer stays without, until they are added again
_INCOMPLETE = """
    UPDATE images SET in_memory = 1, checksum = NULL
    WHERE NOT in_memory AND key NOT IN (SELECT key FROM files);
    DELETE FROM files WHERE key NOT IN (SELECT key FROM images);
    DELETE FROM vectors WHERE key NOT IN (SELECT key FROM images);
    DELETE FROM local_features WHERE key NOT IN (SELECT key FROM images);
    DELETE FROM signatures WHERE key NOT IN (SELECT key FROM images);
    DELETE FROM catalogue WHERE name = 'other vectors';
"""


@dataclass(frozen=True)
class Salvage:
    """The outcome of taking all that is damaged out of a store."""

    kept: Path
    """A copy of the damaged file."""
    items: Mapping[int, Sequence[Item]]
    """What was said of images that were taken out, as far as it is intact, by their keys."""


def salvage(connections: Connections, path: Path, found: Sequence[Damage]) -> Salvage:
    """See ``SqliteStore.salvage``."""
    keys = {one.key for one in found if one.key is not None and not one.spares_image}
    with closing(apsw.Connection("")) as intact:  # a temporary file that SQLite deletes
        # outside of a savepoint, whose release would raise what reading has raised before
        with connections.translate_errors(), closing(connections.open()) as connection:
            connection.execute("BEGIN")
            kept = _keep(connection, path)
            with intact:
                schema.migrate(intact)
                for table in TABLES:
                    _copy_intact(connection, intact, table, keys)
                _copy_writes(connection, intact)
                intact.execute(_INCOMPLETE)
            items = _items(connection, keys)
        if intact.execute("SELECT count(*) FROM catalogue WHERE name IN ('id', 'recipe')").get < 2:
            raise too_damaged(path)
        with connections.alone() as writer:
            copy_pages(intact, writer)
    return Salvage(kept, items)


def too_damaged(path: Path) -> CatalogueDamaged:
    """The error of a catalogue that nothing but a backup brings back."""
    return CatalogueDamaged(f"{path.name} is too damaged to be repaired: restore a backup of it")


def add_checksums(connections: Connections) -> int:
    """Give rows that versions without checksums wrote theirs; how many there were."""
    added = 0
    with connections.reading() as connection, connections.writing() as writer:
        for table in TABLES:
            primary = table.columns[: table.key_columns]
            own = " AND ".join(f"{column} = ?" for column in primary)
            for row in connection.execute(
                f"SELECT {table.selected} FROM {table.name} WHERE checksum IS NULL"
            ):
                writer.execute(
                    f"UPDATE {table.name} SET checksum = ? WHERE {own}",
                    (table.checksum(*row[:-1]), *row[: table.key_columns]),
                )
                added += 1
    return added


def _keep(connection: apsw.Connection, path: Path) -> Path:
    """Copy the file as it is, beside it."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    kept = next(name for name in names if not name.exists())
    with atomic_database(kept) as unfinished, new_file(unfinished) as copy:
        copy_pages(connection, copy)
    return kept


def _copy_intact(
    connection: apsw.Connection, intact: apsw.Connection, table: CheckedTable, keys: set[int]
) -> None:
    """The rows that are as they were written, but for those of some images."""
    sql = f"INSERT OR IGNORE {table.insertion}"
    for row in _readable(connection, table):
        if table.is_intact(row) and table.key(row) not in keys:
            intact.execute(sql, table.with_checksum(row[:-1]))


def _readable(connection: apsw.Connection, table: CheckedTable) -> Iterator[Any]:
    """Rows from the first on, and, if there are some that cannot be read, from the last one too."""
    try:
        yield from connection.execute(
            f"SELECT {table.selected} FROM {table.name} NOT INDEXED ORDER BY {table.primary_key}"
        )
    except UNREADABLE:
        back = ", ".join(f"{column} DESC" for column in table.columns[: table.key_columns])
        with suppress(*UNREADABLE):
            yield from connection.execute(
                f"SELECT {table.selected} FROM {table.name} NOT INDEXED ORDER BY {back}"
            )


def _copy_writes(connection: apsw.Connection, intact: apsw.Connection) -> None:
    intact.execute("INSERT OR IGNORE INTO writes SELECT DISTINCT version FROM images WHERE version")
    with suppress(*UNREADABLE):
        for row in connection.execute("SELECT version FROM writes"):
            intact.execute("INSERT OR IGNORE INTO writes (version) VALUES (?)", row)


def _items(connection: apsw.Connection, keys: set[int]) -> dict[int, Sequence[Item]]:
    """Those of the images that are taken out, where their records are intact."""
    place = IMAGES.columns.index("metadata")
    return {
        row[0]: items_of(row[place])
        for row in _readable(connection, IMAGES)
        if row[0] in keys and IMAGES.is_intact(row)
    }
