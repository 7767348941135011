"""The SQL of records: the tables ``images`` and ``files``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from imagefinder.stores.items import described, settled
from imagefinder.stores.postgres.session import Session
from imagefinder.types import File, Origin, Record, StoredFile

OF_KEYS = "key = ANY(%s::bigint[])"

_NUL = "\uffff"
"""In place of a NUL, which jsonb cannot hold; no text has this character."""


@dataclass(frozen=True)
class ImageRow:
    """What is inserted of an image into the table ``images``."""

    record: Record
    metadata: str
    """As ``items`` writes it."""
    in_memory: bool


def insert_images(session: Session, rows: Sequence[ImageRow], version: int) -> None:
    """Insert new images, without their files."""
    columns = "key, sha256, size, width, height, metadata, metadata_text, in_memory, version"
    types = ("int8", "bytea", "int8", "int4", "int4", "jsonb", "text", "bool", "int8")
    session.copy_rows(
        f"{{s}}.images ({columns})",
        types,
        (
            (
                *(row.record.key, row.record.sha256, row.record.size),
                *(row.record.width, row.record.height),
                Jsonb(for_filters(row.metadata), str),  # which is JSON already
                *(row.metadata, row.in_memory, version),
            )
            for row in rows
        ),
    )


def upsert_files(session: Session, files: Mapping[str, tuple[int, int, Origin]]) -> None:
    """Record paths, each with its image, time and origin, in place of what was there."""
    if not files:
        return
    keys, times, origins = map(list, zip(*files.values(), strict=True))
    session.execute(
        "INSERT INTO {s}.files (path, key, mtime_ns, origin)"
        " SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[])"
        " ON CONFLICT (path) DO UPDATE SET key = excluded.key, mtime_ns = excluded.mtime_ns,"
        " origin = excluded.origin",
        (list(files), keys, times, origins),
    )


def select_stored(session: Session, keys: Sequence[int]) -> list[int]:
    """Those of the keys that are stored, ascending."""
    found = session.keys(f"SELECT key FROM {{s}}.images WHERE {OF_KEYS}", (keys,))
    return [int(key) for key in found]


def select_records(session: Session, keys: Sequence[int]) -> dict[int, Record]:
    """The records of those keys that are stored, ascending."""
    own: dict[int, list[File]] = {}
    for path, key, mtime_ns, origin in session.rows(
        f"SELECT path, key, mtime_ns, origin FROM {{s}}.files WHERE {OF_KEYS} ORDER BY key, path",
        (keys,),
    ):
        own.setdefault(key, []).append(File(path, mtime_ns, origin))
    images = session.rows(
        "SELECT key, sha256, size, width, height, metadata_text FROM {s}.images"
        f" WHERE {OF_KEYS} ORDER BY key",
        (keys,),
    )
    return {key: described((key, *about), own.get(key, ()), text) for key, *about, text in images}


def select_files(session: Session, paths: Sequence[str]) -> dict[str, StoredFile]:
    """See ``Store.lookup_paths``."""
    rows = session.rows(
        "SELECT path, key, size, mtime_ns, origin FROM {s}.files JOIN {s}.images USING (key)"
        " WHERE path = ANY(%s::text[])",
        (list(paths),),
    )
    return {path: StoredFile(*about) for path, *about in rows}


def select_paths(after: str, end: str, most: int, session: Session) -> list[str]:
    """The next paths between ``after`` and ``end``, both excluded, in order."""
    rows = session.rows(
        'SELECT path FROM {s}.files WHERE path > %s COLLATE "C" AND path < %s COLLATE "C"'
        " ORDER BY path LIMIT %s",
        (after, end, most),
    )
    return [path for (path,) in rows]


def delete_files(session: Session, paths: Sequence[str]) -> int:
    """Delete paths, and images without any other; the number of paths deleted."""
    rows = session.rows(
        "DELETE FROM {s}.files WHERE path = ANY(%s::text[]) RETURNING key", (list(paths),)
    )
    delete_orphans(session, [key for (key,) in rows])
    return len(rows)


def delete_images(session: Session, keys: Sequence[int]) -> int:
    """Delete images; the number of those that were stored."""
    found = session.rows(
        f"DELETE FROM {{s}}.images WHERE {OF_KEYS} RETURNING 1", (list(map(int, keys)),)
    )
    return len(found)


def delete_orphans(session: Session, keys: Sequence[int]) -> None:
    """Delete those of the images that have no file left and were never given in memory.

    What was said of files that the others have lost is settled.
    """
    if not keys:
        return
    session.execute(
        f"DELETE FROM {{s}}.images AS own WHERE {OF_KEYS} AND NOT in_memory"
        " AND NOT EXISTS (SELECT 1 FROM {s}.files WHERE files.key = own.key)",
        (keys,),
    )
    lists = session.rows(
        f"SELECT key, metadata_text, in_memory FROM {{s}}.images"
        f" WHERE {OF_KEYS} AND starts_with(metadata_text, '[')",
        (keys,),
    )
    paths = select_paths_of(session, [key for key, *_ in lists])
    update_images(
        session,
        {key: (settled(text, paths.get(key, ())), in_memory) for key, text, in_memory in lists},
    )


def select_paths_of(session: Session, keys: Sequence[int]) -> dict[int, set[str]]:
    """The paths of these images; those that have none are left out."""
    paths: dict[int, set[str]] = {}
    if keys:
        sql = f"SELECT key, path FROM {{s}}.files WHERE {OF_KEYS}"
        for key, path in session.rows(sql, (list(keys),)):
            paths.setdefault(key, set()).add(path)
    return paths


def update_images(session: Session, images: Mapping[int, tuple[str, bool]]) -> None:
    """Set what is said of images, and whether they were given in memory."""
    if not images:
        return
    texts, in_memory = map(list, zip(*images.values(), strict=True))
    session.execute(
        "UPDATE {s}.images AS own SET metadata = given.filtered::jsonb,"
        " metadata_text = given.exact, in_memory = given.in_memory"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::boolean[])"
        " AS given (key, filtered, exact, in_memory) WHERE own.key = given.key",
        (list(images), [for_filters(text) for text in texts], texts, in_memory),
    )


def for_filters(text: str) -> str:
    """Metadata as jsonb can hold them, from their text."""
    return as_jsonb(json.loads(text)) if "\\u0000" in text else text


def as_jsonb(value: Any) -> str:
    """A value as jsonb can hold it."""
    return json.dumps(_without_nul(value), ensure_ascii=False)


def without_nul(text: str) -> str:
    """A text as jsonb has it."""
    return text.replace("\0", _NUL)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return without_nul(value)
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {without_nul(str(name)): _without_nul(one) for name, one in value.items()}
    return value
