"""The SQL of records: the tables ``images`` and ``files``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw
import numpy as np

from imagefinder.types import Entry, File, Keys, Record, StoredFile

OF_KEYS = "WHERE key IN (SELECT value FROM json_each(?))"


def keys_of(rows: Iterable[Any]) -> Keys:
    """The keys from a query that selects nothing else, ascending."""
    return np.sort(np.fromiter((key for (key,) in rows), np.int64))


def sha256_of(connection: apsw.Connection, key: int) -> object:
    """The SHA-256 of an image, or None if it is not stored."""
    return connection.execute("SELECT sha256 FROM images WHERE key = ?", (key,)).get


def select_records(connection: apsw.Connection, keys: Sequence[int]) -> dict[int, Record]:
    """The records of those keys that are stored, ascending."""
    wanted = (json.dumps(keys),)
    files: dict[int, list[File]] = {}
    for key, path, mtime_ns, origin in connection.execute(
        f"SELECT key, path, mtime_ns, origin FROM files {OF_KEYS} ORDER BY key, path", wanted
    ):
        files.setdefault(key, []).append(File(path, mtime_ns, origin))
    images: Iterator[Any] = connection.execute(
        f"SELECT key, sha256, size, width, height, metadata FROM images {OF_KEYS} ORDER BY key",
        wanted,
    )
    return {
        key: Record(
            key, sha256, size, width, height, tuple(files.get(key, ())), dict(json.loads(text))
        )
        for key, sha256, size, width, height, text in images
    }


def select_files(connection: apsw.Connection, paths: Sequence[str]) -> dict[str, StoredFile]:
    """See ``Store.lookup_paths``."""
    rows: Iterator[Any] = connection.execute(
        "SELECT path, key, size, mtime_ns, origin FROM files JOIN images USING (key)"
        " WHERE path IN (SELECT value FROM json_each(?))",
        (json.dumps(list(paths)),),
    )
    return {path: StoredFile(*about) for path, *about in rows}


def path_range(folder: str) -> tuple[str, str]:
    """The paths in a folder, however deep, lie between these two strings."""
    after = folder.rstrip(os.sep) + os.sep
    return after, after[:-1] + chr(ord(os.sep) + 1)


def insert_image(connection: apsw.Connection, record: Record, version: int) -> None:
    """Insert what depends on the content alone: no files, no metadata."""
    connection.execute(
        "INSERT INTO images (key, sha256, size, width, height, metadata, in_memory, version)"
        " VALUES (?, ?, ?, ?, ?, '{}', 0, ?)",
        (record.key, record.sha256, record.size, record.width, record.height, version),
    )


def update_image(connection: apsw.Connection, entry: Entry) -> None:
    """Set the metadata, if given, and that the image was given in memory, if it has no file."""
    key = entry.record.key
    if entry.metadata is not None:
        text = json.dumps(dict(entry.metadata), ensure_ascii=False)
        connection.execute("UPDATE images SET metadata = ? WHERE key = ?", (text, key))
    if not entry.record.files:
        connection.execute("UPDATE images SET in_memory = 1 WHERE key = ?", (key,))


def upsert_file(connection: apsw.Connection, key: int, file: File) -> int | None:
    """Record the path of an image; the key of the image that had this path before.

    An import does not change the origin of a file that was read or taken in already.
    """
    row: Any = connection.execute("SELECT key, origin FROM files WHERE path = ?", (file.path,)).get
    old, before = row or (None, None)
    origin = before if old == key and file.origin == "imported" else file.origin
    connection.execute(
        "INSERT OR REPLACE INTO files (path, key, mtime_ns, origin) VALUES (?, ?, ?, ?)",
        (file.path, key, file.mtime_ns, origin),
    )
    return old


def delete_files(connection: apsw.Connection, paths: Sequence[str]) -> int:
    """Delete paths, and images without any other; the number of paths deleted."""
    keys = [
        connection.execute("DELETE FROM files WHERE path = ? RETURNING key", (path,)).get
        for path in paths
    ]
    delete_orphans(connection, {key for key in keys if key is not None})
    return len(keys) - keys.count(None)


def delete_images(connection: apsw.Connection, keys: Sequence[int]) -> int:
    """Delete images; the number of those that were stored."""
    sql = "DELETE FROM images WHERE key = ? RETURNING 1"
    return sum(len(connection.execute(sql, (int(key),)).fetchall()) for key in keys)


def delete_orphans(connection: apsw.Connection, keys: set[int]) -> None:
    """Delete those of the images that have no file left and were never given in memory."""
    connection.executemany(
        "DELETE FROM images WHERE key = ?1 AND NOT in_memory"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE key = ?1)",
        [(key,) for key in keys],
    )
