"""Damage in a catalogue's file: what SQLite finds in its structure, and what checksums find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from textwrap import shorten
from typing import Any

import apsw

from imagefinder.stores.damage import Damage
from imagefinder.stores.sqlite.checksums import CheckedTable
from imagefinder.stores.sqlite.local_features import LOCAL_FEATURES
from imagefinder.stores.sqlite.properties import PROPERTIES
from imagefinder.stores.sqlite.records import FILES, IMAGES
from imagefinder.stores.sqlite.signatures import SIGNATURES
from imagefinder.stores.sqlite.vectors import OTHER_VECTORS, VECTORS
from imagefinder.types import id_of

RECORDS = (PROPERTIES, IMAGES, FILES)
TABLES = (*RECORDS, VECTORS, LOCAL_FEATURES, SIGNATURES)
"""What a repair carries over: vectors of an upgrade can be made again."""

_LONGEST = 200  # characters of a message
UNREADABLE = (apsw.CorruptError, apsw.SQLError, UnicodeDecodeError)
_WITHOUT_FILES = "SELECT key FROM images WHERE NOT in_memory AND key NOT IN (SELECT key FROM files)"
_WITHOUT_RECORD = "SELECT DISTINCT key FROM {} WHERE key NOT IN (SELECT key FROM images)"


def find_damage(
    connection: apsw.Connection, tables: Sequence[CheckedTable] = (*TABLES, OTHER_VECTORS)
) -> Iterator[Damage]:
    """What is damaged in the structure of the file, and in the rows of these tables."""
    yield from _found(connection, "PRAGMA integrity_check", _of_structure)
    for table in tables:
        yield from _found(connection, f"SELECT {table.selected} FROM {table.name}", table.damage)
    yield from _found(connection, _WITHOUT_FILES, _without_files)
    for table in (FILES, VECTORS, LOCAL_FEATURES, SIGNATURES):
        yield from _found(connection, _WITHOUT_RECORD.format(table.name), _without_record)


def with_paths(connection: apsw.Connection, damages: Sequence[Damage]) -> list[Damage]:
    """The same, with the paths recorded for their images as far as they can be read."""
    paths: dict[int, list[str]] = {one.key: list(one.paths) for one in damages if one.key}
    with suppress(*UNREADABLE):
        for path, key in connection.execute("SELECT path, key FROM files"):  # by no index
            if key in paths:
                paths[key].append(str(path))
    return [
        replace(one, paths=tuple(dict.fromkeys(paths[one.key]))) if one.key else one
        for one in damages
    ]


def _found(
    connection: apsw.Connection, sql: str, judge: Callable[[Any], Damage | None]
) -> Iterator[Damage]:
    try:
        for row in connection.execute(sql):
            damage = judge(row)
            if damage is not None:
                yield damage
    except UNREADABLE as error:
        yield Damage(f"the structure of the file: {error}")


def _of_structure(row: tuple[str]) -> Damage | None:
    text = shorten(row[0], _LONGEST, placeholder=" …")  # SQLite lists a hundred pages in one row
    return None if text == "ok" else Damage(f"the structure of the file: {text}")


def _without_files(row: tuple[int]) -> Damage:
    return Damage(f"the files of image {id_of(row[0])}", row[0], spares_image=True)


def _without_record(row: tuple[int]) -> Damage:
    return Damage(f"the record of image {id_of(row[0])}", row[0])
