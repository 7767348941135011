"""A whole catalogue out of a file, or into one: the rows as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw
import numpy as np

from imagefinder.errors import StoreError
from imagefinder.similarity import dtype
from imagefinder.stores import codebook_file
from imagefinder.stores.cache_files import CacheFiles, remove_stale_caches
from imagefinder.stores.items import text_of
from imagefinder.stores.location import check_folder
from imagefinder.stores.origin import Origin
from imagefinder.stores.property_names import ORIGIN
from imagefinder.stores.property_texts import properties_from, texts_of
from imagefinder.stores.sqlite import properties, schema
from imagefinder.stores.sqlite.checksums import CheckedTable
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.local_features import LOCAL_FEATURES
from imagefinder.stores.sqlite.records import (
    FILES,
    IMAGES,
    OF_KEYS,
    FileRow,
    ImageRow,
    delete_images,
    delete_orphans,
    select_files,
    select_images_with_files,
    select_rows,
)
from imagefinder.stores.sqlite.signatures import SIGNATURES
from imagefinder.stores.sqlite.vectors import OTHER_VECTORS, VECTORS
from imagefinder.stores.sqlite.where import select_keys
from imagefinder.stores.sqlite.writes import record_write
from imagefinder.types import Properties, Recipe, StoredImage


class SqliteSnapshot:
    """See ``types.Snapshot``: one read transaction."""

    def __init__(self, path: Path, connections: Connections, connection: apsw.Connection) -> None:
        """Of the file that the connection, in a transaction, reads."""
        self._connections, self._connection = connections, connection
        with connections.decoding():
            texts = properties.select_properties(connection)
            others = int(connection.execute("SELECT count(*) FROM other_images").get)
            codebook = codebook_file.read(CacheFiles(path, str(texts["id"])))
            self.properties = properties_from(texts, others, codebook)

    def __len__(self) -> int:
        """See Snapshot."""
        return int(self._connection.execute("SELECT count(*) FROM images").get)

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """See ImagePages."""
        with self._connections.decoding():
            return _select_page(self._connection, after, limit)


class SqliteCopy:
    """See ``types.StoreCopy``: a file that says of itself that it is not finished."""

    @classmethod
    def begin(cls, path: Path, source: Properties, name: str) -> SqliteCopy:
        """See Copyable."""
        check_folder(path)
        connections = Connections(path, create=True)
        try:
            return cls(path, connections, source, name)
        except BaseException:
            connections.close()
            raise

    def __init__(self, path: Path, connections: Connections, source: Properties, name: str) -> None:
        """For ``begin``."""
        self._path, self._connections = path, connections
        self._recipe = source.recipe
        self._other = source.other.recipe if source.other else None
        origin = Origin.of(source, name)
        with connections.reading() as connection, connections.decoding():
            is_new = schema.is_empty(connection)
            if not is_new:
                _check_begun(connection, path, origin)
        if is_new:
            connections.write_ahead()
            remove_stale_caches(path)
        with connections.writing() as connection:
            if is_new and not schema.is_empty(connection):
                _check_begun(connection, path, origin)  # another program was quicker
            schema.migrate(connection)
            # its file may have moved
            properties.set_property(connection, ORIGIN, origin.to_json())

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """See ImagePages."""
        with self._connections.reading() as connection, self._connections.decoding():
            return _select_page(connection, after, limit)

    def write(self, images: Sequence[StoredImage]) -> None:
        """See StoreCopy."""
        with self._writing() as connection:
            delete_images(connection, [image.record.key for image in images])
            version = record_write(connection)
            _insert(connection, IMAGES, (_image_row(image, version) for image in images))
            _write_files(connection, images)
            for table, blobs in (
                (LOCAL_FEATURES, ((image.record.key, image.local) for image in images)),
                (SIGNATURES, ((image.record.key, image.signature) for image in images)),
            ):
                _insert(connection, table, (row for row in blobs if row[1] is not None))
            vectors = [(image.record.key, image.vectors) for image in images]
            _insert(connection, VECTORS, _vector_rows(vectors, self._recipe))
            self._write_others(connection, images)

    def _write_others(self, connection: apsw.Connection, images: Sequence[StoredImage]) -> None:
        others = [
            (image.record.key, image.other_vectors)
            for image in images
            if image.other_vectors is not None
        ]
        if self._other is not None:
            sql = "INSERT INTO other_images (key) VALUES (?)"
            connection.executemany(sql, [(key,) for key, _ in others])
            _insert(connection, OTHER_VECTORS, _vector_rows(others, self._other))

    def remove(self, keys: Sequence[int]) -> None:
        """See StoreCopy."""
        with self._writing() as connection:
            delete_images(connection, keys)

    def finish(self, source: Properties) -> None:
        """See StoreCopy."""
        with self._writing() as connection:
            # with an id: without, no version of the program takes the file for a catalogue
            texts = texts_of(source, "sqlite")
            for name, text in texts.items():
                properties.set_property(connection, name, text)
            properties.delete_property(connection, ORIGIN)
        codebook_file.save_copy(CacheFiles(self._path, texts["id"]), source)

    def close(self) -> None:
        """See StoreCopy."""
        self._connections.close()

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with self._connections.writing() as connection:
            with self._connections.decoding():
                origin = properties.get_origin(connection)
            if origin is None:
                raise StoreError("another program has finished this copy meanwhile")
            yield connection


def _check_begun(connection: apsw.Connection, path: Path, origin: Origin) -> None:
    """Raise StoreError unless it is the unfinished copy of this origin."""
    schema.check(connection, path.name)
    origin.check_begun(properties.get_origin(connection), str(path))


def _select_page(connection: apsw.Connection, after: int, limit: int) -> list[StoredImage]:
    keys = select_keys(connection, (), None, after, limit).tolist()
    vectors, others = (_joined(select_rows(connection, t, keys)) for t in (VECTORS, OTHER_VECTORS))
    local, signatures = (
        dict(select_rows(connection, table, keys)) for table in (LOCAL_FEATURES, SIGNATURES)
    )
    sql = f"SELECT key FROM other_images {OF_KEYS}"
    with_others = {key for (key,) in connection.execute(sql, (json.dumps(keys),))}
    return [
        StoredImage(
            row.record(files),
            bool(row.in_memory),
            vectors.get(row.key, b""),
            others.get(row.key, b"") if row.key in with_others else None,
            local.get(row.key),
            signatures.get(row.key),
        )
        for row, files in select_images_with_files(connection, keys)
    ]


def _joined(rows: Iterable[tuple[int, int, bytes]]) -> dict[int, bytes]:
    """The vectors of each image, in the order of their rows."""
    blobs: dict[int, list[bytes]] = {}
    for key, _, blob in rows:
        blobs.setdefault(key, []).append(blob)
    return {key: b"".join(own) for key, own in blobs.items()}


def _insert(
    connection: apsw.Connection,
    table: CheckedTable,
    rows: Iterable[tuple[object, ...]],
    insert: str = "INSERT",
) -> None:
    connection.executemany(f"{insert} {table.insertion}", map(table.with_checksum, rows))


def _write_files(connection: apsw.Connection, images: Sequence[StoredImage]) -> None:
    rows = [
        FileRow(file.path, image.record.key, file.mtime_ns, file.origin)
        for image in images
        for file in image.record.files
    ]
    displaced = select_files(connection, [row.path for row in rows])
    _insert(connection, FILES, rows, "INSERT OR REPLACE")
    delete_orphans(connection, {file.key for file in displaced.values()})


def _image_row(image: StoredImage, version: int) -> ImageRow:
    record = image.record
    about = (record.key, record.sha256, record.size, record.width, record.height)
    return ImageRow(*about, text_of(record), int(image.in_memory), version)


def _vector_rows(
    images: Iterable[tuple[int, bytes]], recipe: Recipe
) -> Iterator[tuple[int, int, bytes]]:
    """Key, row and vector of each."""
    size = recipe.dim * np.dtype(dtype(recipe.measure)).itemsize
    for key, vectors in images:
        for row, start in enumerate(range(0, len(vectors), size)):
            yield key, row, vectors[start : start + size]
