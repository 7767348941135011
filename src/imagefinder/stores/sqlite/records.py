"""The SQL of records: the tables ``images`` and ``files``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apsw
import numpy as np

from imagefinder.stores.items import NOTHING, described, settled, updated
from imagefinder.stores.sqlite.checksums import CheckedTable, DamagedRow, text_checksum
from imagefinder.types import Entry, File, Keys, Origin, Record, StoredFile, id_of

OF_KEYS = "WHERE key IN (SELECT value FROM json_each(?))"


class ImageRow(NamedTuple):
    """A row of the table ``images``."""

    key: int
    sha256: bytes
    size: int
    width: int
    height: int
    metadata: str
    in_memory: int
    version: int

    def record(self, files: Sequence[File]) -> Record:
        """The record, with these files. Raises DamagedRow if it should have one."""
        if not files and not self.in_memory:
            raise DamagedRow(f"the files of image {id_of(self.key)}")
        about = (self.key, self.sha256, self.size, self.width, self.height)
        return described(about, files, self.metadata)


class FileRow(NamedTuple):
    """A row of the table ``files``."""

    path: str
    key: int
    mtime_ns: int
    origin: Origin


IMAGES = CheckedTable(
    "images",
    ImageRow._fields,
    lambda key, sha256, *others: text_checksum(key, sha256.hex(), *others),
    lambda key, *_: f"the record of image {id_of(key)}",
)
FILES = CheckedTable(
    "files",
    FileRow._fields,
    text_checksum,
    lambda path, *_: f"the record of the file {path}",
    spares_image=True,
)


def keys_of(rows: Iterable[Any]) -> Keys:
    """The keys from a query that selects nothing else, ascending."""
    return np.sort(np.fromiter((key for (key,) in rows), np.int64))


def select_rows(
    connection: apsw.Connection, table: CheckedTable, keys: Sequence[int]
) -> Iterator[Any]:
    """The rows of a table that belong to these images, without checksums, in order of their keys.

    Raises DamagedRow.
    """
    rows = connection.execute(
        f"SELECT {table.selected} FROM {table.name} {OF_KEYS} ORDER BY {table.primary_key}",
        (json.dumps(keys),),
    )
    return table.verified(rows)


def sha256_of(connection: apsw.Connection, key: int) -> bytes | None:
    """The SHA-256 of an image, or None if it is not stored."""
    row = _image(connection, key)
    return None if row is None else row.sha256


def select_stored(connection: apsw.Connection, keys: Sequence[int]) -> list[int]:
    """Those of the keys that are stored, ascending."""
    rows = connection.execute(f"SELECT key FROM images {OF_KEYS} ORDER BY key", (json.dumps(keys),))
    return [key for (key,) in rows]


def select_records(connection: apsw.Connection, keys: Sequence[int]) -> dict[int, Record]:
    """The records of those keys that are stored, ascending."""
    return {row.key: row.record(files) for row, files in select_images_with_files(connection, keys)}


def select_images_with_files(
    connection: apsw.Connection, keys: Sequence[int]
) -> Iterator[tuple[ImageRow, list[File]]]:
    """The rows of those keys that are stored, ascending, each with its files by their paths."""
    files: dict[int, list[File]] = {}
    for row in map(FileRow._make, select_rows(connection, FILES, keys)):
        files.setdefault(row.key, []).append(File(row.path, row.mtime_ns, row.origin))
    for image in map(ImageRow._make, select_rows(connection, IMAGES, keys)):
        yield image, files.get(image.key, [])


def select_files(connection: apsw.Connection, paths: Sequence[str]) -> dict[str, StoredFile]:
    """See ``Store.lookup_paths``."""
    rows: list[Any] = connection.execute(
        "SELECT path, files.key, mtime_ns, origin, files.checksum, size"
        " FROM files LEFT JOIN images USING (key) WHERE path IN (SELECT value FROM json_each(?))",
        (json.dumps(list(paths)),),
    ).fetchall()
    sizes = {path: size for path, *_, size in rows}
    files = {row.path: row for row in map(FileRow._make, FILES.verified(row[:-1] for row in rows))}
    if None in sizes.values():
        raise DamagedRow("the record of an image that has files")
    return {
        path: StoredFile(row.key, sizes[path], row.mtime_ns, row.origin)
        for path, row in files.items()
    }


def insert_image(connection: apsw.Connection, record: Record, version: int) -> None:
    """Insert what depends on the content alone: no files, no metadata."""
    about = (record.key, record.sha256, record.size, record.width, record.height)
    _write_image(connection, ImageRow(*about, NOTHING, 0, version))


def update_image(connection: apsw.Connection, entry: Entry) -> bool:
    """Set what is said of it, and that the image was given in memory, if it has no file.

    Whether something else is said of it now.
    """
    row = _image(connection, entry.record.key)
    if row is None:
        return False
    metadata = row.metadata
    if entry.metadata is not None or metadata != NOTHING:
        metadata = updated(metadata, _paths(connection, row.key), entry)
    changed = row._replace(
        metadata=metadata, in_memory=row.in_memory or int(not entry.record.files)
    )
    if changed != row:
        _write_image(connection, changed)
    return metadata != row.metadata


def upsert_file(connection: apsw.Connection, key: int, file: File) -> int | None:
    """Record the path of an image; the key of the image that had this path before.

    An import does not change the origin of a file that was read or taken in already.
    """
    old = _file(connection, file.path)
    is_known = old is not None and old.key == key and file.origin == "imported"
    origin = old.origin if old is not None and is_known else file.origin
    row = FileRow(file.path, key, file.mtime_ns, origin)
    connection.execute(
        f"INSERT OR REPLACE {FILES.insertion}",
        FILES.with_checksum(row),
    )
    return None if old is None else old.key


def delete_files(connection: apsw.Connection, paths: Sequence[str]) -> int:
    """Delete paths, and images without any other; the number of paths deleted."""
    sql = f"DELETE FROM files WHERE path = ? RETURNING {FILES.selected}"
    keys = [
        key for path in paths for _, key, *_ in FILES.verified(connection.execute(sql, (path,)))
    ]
    delete_orphans(connection, set(keys))
    return len(keys)


def delete_images(connection: apsw.Connection, keys: Sequence[int]) -> int:
    """Delete images; the number of those that were stored."""
    sql = "DELETE FROM images WHERE key = ? RETURNING 1"
    return sum(len(connection.execute(sql, (int(key),)).fetchall()) for key in keys)


def delete_orphans(connection: apsw.Connection, keys: set[int]) -> None:
    """Delete those of the images that have no file left and were never given in memory.

    What was said of files that the others have lost is settled.
    """
    connection.executemany(
        "DELETE FROM images WHERE key = ?1 AND NOT in_memory"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE key = ?1)",
        [(key,) for key in keys],
    )
    sql = f"SELECT {IMAGES.selected} FROM images {OF_KEYS} AND metadata GLOB '[[]*'"
    rows = connection.execute(sql, (json.dumps(list(keys)),)).fetchall()
    for row in map(ImageRow._make, IMAGES.verified(rows)):
        text = settled(row.metadata, _paths(connection, row.key))
        _write_image(connection, row._replace(metadata=text))


def _paths(connection: apsw.Connection, key: int) -> list[str]:
    return [path for (path,) in connection.execute("SELECT path FROM files WHERE key = ?", (key,))]


def _image(connection: apsw.Connection, key: int) -> ImageRow | None:
    sql = f"SELECT {IMAGES.selected} FROM images WHERE key = ?"
    rows = IMAGES.verified(connection.execute(sql, (key,)).fetchall())
    return next(map(ImageRow._make, rows), None)


def _write_image(connection: apsw.Connection, row: ImageRow) -> None:
    connection.execute(
        f"INSERT {IMAGES.insertion} ON CONFLICT (key) DO UPDATE SET metadata = excluded.metadata,"
        " in_memory = excluded.in_memory, checksum = excluded.checksum",
        IMAGES.with_checksum(row),
    )


def _file(connection: apsw.Connection, path: str) -> FileRow | None:
    sql = f"SELECT {FILES.selected} FROM files WHERE path = ?"
    rows = FILES.verified(connection.execute(sql, (path,)).fetchall())
    return next(map(FileRow._make, rows), None)
