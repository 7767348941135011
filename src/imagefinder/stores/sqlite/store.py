"""One SQLite file that holds everything: records, the encoder's recipe, and the vectors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import apsw
import numpy as np

from imagefinder.errors import (
    CatalogueExists,
    CatalogueMissing,
    ImageError,
    NotFound,
    StoreError,
)
from imagefinder.local_features.codec import packed
from imagefinder.registry import recipes
from imagefinder.registry.factory import check_index_choice
from imagefinder.similarity import dtype
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.index_pool import IndexPool, sweep
from imagefinder.stores.sqlite.synced_index import keys_of, matrix
from imagefinder.stores.sqlite.vlad_index import VladIndex, stored
from imagefinder.types import (
    Entry,
    Features,
    File,
    IndexChoice,
    Keys,
    LocalFeatures,
    Measure,
    Neighbors,
    Outcome,
    Recipe,
    Record,
    Statistics,
    StoredFile,
    key_of,
)

_PAGE = 1000  # paths taken from the file at a time
_IMAGES = 100  # and images with all their vectors
_NOTE = "note "  # before a note's name, lest it be one of our own
_CHOSEN = "WHERE key IN (SELECT value FROM json_each(?))"


class SqliteStore:
    """A catalogue in one file, safe for many threads and beside other programs.

    A search is answered by indexes of the kind that was chosen when the catalogue was made, or by
    ``use_index``; they are kept true to the file, and saved beside it once they are large.
    """

    def __init__(self, path: Path, connections: Connections, index: IndexChoice | None) -> None:
        """For the class methods ``create`` and ``open``."""
        self._connections = connections
        with connections.reading() as connection, connections.decoding():
            rows: list[Any] = connection.execute("SELECT name, value FROM catalogue").fetchall()
            about = dict(rows)
            self.recipe = recipes.from_json(about["recipe"])
            self.extractor = recipes.from_json(about["extractor"]) if "extractor" in about else None
            self._id = str(about["id"])
            own = recipes.choice_from_json(about.get("index"))
        self._path = path
        self._guard = Lock()
        self._indexes = IndexPool(index or own, self.recipe, connections, self._cache)
        self._shortlist: VladIndex | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        recipe: Recipe,
        index: IndexChoice | None = None,
        extractor: Recipe | None = None,
    ) -> SqliteStore:
        """A new catalogue, which keeps local features if there is an extractor's recipe.

        Raises PluginError for an index that cannot compare its vectors, CatalogueExists, or
        NotACatalogue where another file lies.
        """
        if index is not None:
            check_index_choice(index, recipe.dim, recipe.measure)
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} to make the catalogue in")
        if cls.exists(path):
            cls.open(path).close()  # or it says what else the file is
            raise CatalogueExists(f"{path} is a catalogue already")
        connections = Connections(path, create=True)
        try:
            connections.write_ahead()
            with connections.writing() as connection:
                if not schema.is_empty(connection):
                    raise CatalogueExists(f"{path} has just been made by another program")
                schema.migrate(connection)
                _describe(connection, "id", uuid4().hex)
                _describe(connection, "recipe", recipes.to_json(recipe))
                if extractor is not None:
                    _describe(connection, "extractor", recipes.to_json(extractor))
            sweep(path)
            return cls(path, connections, index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def open(cls, path: Path, index: IndexChoice | None = None) -> SqliteStore:
        """A catalogue that is there, searched by its own kind of index or another.

        Raises CatalogueMissing, NotACatalogue or NewerCatalogue.
        """
        if not cls.exists(path):
            raise CatalogueMissing(
                f"there is no catalogue {path}: make one with imagefinder add FOLDER"
            )
        connections = Connections(path)
        try:
            with connections.reading() as connection:
                schema.check(connection, path.name)
                old = connection.pragma("user_version") < len(schema.MIGRATIONS)
            if old:
                with connections.writing() as connection:
                    schema.migrate(connection)
            return cls(path, connections, index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def exists(cls, path: Path) -> bool:
        """Whether there is something to ``open``; an empty file is nothing."""
        if not path.exists() or (path.is_file() and not path.stat().st_size):
            return False
        connections = Connections(path)
        try:
            with connections.reading() as connection:
                return not schema.is_empty(connection)
        finally:
            connections.close()

    def __len__(self) -> int:
        """See Store."""
        with self._connections.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM images").get)

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """See Store."""
        moved: set[int] = set()
        with self._connections.writing() as connection:
            outcomes = [self._write(connection, entry, moved) for entry in entries]
            _prune(connection, moved)
        return outcomes

    def update_runtime(self, runtime: Mapping[str, Any]) -> None:
        """Record where the encoder is to be found from now on."""
        recipe = replace(self.recipe, runtime=dict(runtime))
        with self._connections.writing() as connection:
            _describe(connection, "recipe", recipes.to_json(recipe))
        self.recipe = recipe

    def set_metadata(self, name: str, text: str) -> None:
        """See Store."""
        with self._connections.writing() as connection:
            _describe(connection, f"{_NOTE}{name}", text)

    def get_metadata(self, name: str) -> str | None:
        """See Store."""
        with self._connections.reading() as connection, self._connections.decoding():
            found = connection.execute(
                "SELECT value FROM catalogue WHERE name = ?", (f"{_NOTE}{name}",)
            ).get
        return None if found is None else str(found)

    def has_content(self, sha256: bytes) -> bool:
        """See Store."""
        with self._connections.reading() as connection:
            found = connection.execute(
                "SELECT sha256 FROM images WHERE key = ?", (key_of(sha256),)
            ).get
        if found is not None and found != sha256:
            raise ImageError(f"its key {key_of(sha256):016x} belongs to another image")
        return found is not None

    def lookup_paths(self, paths: Sequence[str]) -> dict[str, StoredFile]:
        """See Store."""
        rows = self._rows(
            "SELECT path, key, size, mtime_ns FROM files JOIN images USING (key)"
            " WHERE path IN (SELECT value FROM json_each(?))",
            json.dumps(list(paths)),
        )
        return {path: StoredFile(key, size, mtime_ns) for path, key, size, mtime_ns in rows}

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """See Store."""
        with self._connections.reading() as connection, self._connections.decoding():
            return _records(connection, json.dumps([int(key) for key in keys]))

    def features(self, key: int) -> Features:
        """See Store."""
        with self._connections.reading() as connection, self._connections.decoding():
            found = _sha256_of(connection, key)
            blobs = connection.execute(
                "SELECT vector FROM vectors WHERE key = ? ORDER BY row", (key,)
            )
            vectors = matrix([blob for (blob,) in blobs], self.recipe)
        if found is None:
            raise NotFound(f"there is no image {key:016x}")
        return vectors

    def local_features(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See Store."""
        if self.extractor is None:
            return {}
        with self._connections.reading() as connection, self._connections.decoding():
            return stored(connection, [int(key) for key in keys], self.extractor.dim)

    def shortlist(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        if self.extractor is None:
            return []
        return self._shortlist_of(self.extractor).search(query, k, subset)

    def iter_records(self) -> Iterator[tuple[Record, Features]]:
        """See Store."""
        last = -1
        while page := self._images_after(last):
            yield from page
            last = page[-1][0].key

    def iter_paths(self, folder: str) -> Iterator[str]:
        """See Store."""
        after, end = _within(folder)
        page: list[tuple[str]] = [(after,)]
        while page:
            page = self._rows(
                "SELECT path FROM files WHERE path > ? AND path < ? ORDER BY path LIMIT ?",
                page[-1][0],
                end,
                _PAGE,
            )
            yield from (path for (path,) in page)

    def remove_images(self, keys: Sequence[int]) -> int:
        """See Store."""
        with self._connections.writing() as connection:
            return sum(
                len(
                    connection.execute(
                        "DELETE FROM images WHERE key = ? RETURNING 1", (int(key),)
                    ).fetchall()
                )
                for key in keys
            )

    def remove_files(self, paths: Sequence[str]) -> int:
        """See Store."""
        with self._connections.writing() as connection:
            keys = [
                connection.execute("DELETE FROM files WHERE path = ? RETURNING key", (path,)).get
                for path in paths
            ]
            _prune(connection, {key for key in keys if key is not None})
        return len(keys) - keys.count(None)

    def search(
        self, query: Features, k: int, measure: Measure | None = None, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        measure = measure or self.recipe.measure
        if dtype(measure) != dtype(self.recipe.measure):
            raise StoreError(f"vectors for {self.recipe.measure} are not compared by {measure}")
        return self._indexes.search(query, k, measure, subset)

    def select(
        self,
        folders: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> Keys:
        """See Store."""
        conditions = ["key > ?"]
        values: list[str | int] = [after]
        for name, value in (where or {}).items():
            conditions.append("json_extract(metadata, ?) IS json_extract(?, '$')")
            values += [f"$.{json.dumps(name)}", json.dumps(value)]
        if folders:
            lies = " OR ".join("path = ? OR (path > ? AND path < ?)" for _ in folders)
            conditions.append(f"key IN (SELECT key FROM files WHERE {lies})")
            values += [end for folder in folders for end in (folder, *_within(folder))]
        rows = f"SELECT key FROM images WHERE {' AND '.join(conditions)} ORDER BY key LIMIT ?"
        with self._connections.reading() as connection:
            return keys_of(connection.execute(rows, [*values, -1 if limit is None else limit]))

    @property
    def index(self) -> IndexChoice:
        """See Store."""
        return self._indexes.choice

    def use_index(self, choice: IndexChoice) -> None:
        """See Store."""
        indexes = IndexPool(choice, self.recipe, self._connections, self._cache)
        indexes.build()
        with self._connections.writing() as connection:
            _describe(connection, "index", recipes.choice_to_json(choice))
        before, self._indexes = self._indexes, indexes
        before.close()

    def statistics(self) -> Statistics:
        """See Store."""
        with self._connections.reading() as connection:
            images, files, vectors = (
                int(connection.execute(f"SELECT count(*) FROM {table}").get)
                for table in ("images", "files", "vectors")
            )
            size = connection.pragma("page_count") * connection.pragma("page_size")
            local = connection.execute("SELECT total(length(features)) FROM local_features").get
        return Statistics(images, files, vectors, size, int(local))

    def close(self) -> None:
        """See Store."""
        self._connections.close()  # first, so that the index cannot open another
        self._indexes.close()
        with self._guard:
            if self._shortlist is not None:
                self._shortlist.close()

    def _shortlist_of(self, extractor: Recipe) -> VladIndex:
        with self._guard:
            if self._shortlist is None:
                place = self._cache("vlad")
                self._shortlist = VladIndex(place, self._connections, extractor.dim)
            return self._shortlist

    def _cache(self, kind: str) -> Path:
        """Where an index may be saved: named by the catalogue's own id, lest it be another's."""
        return self._path.with_name(f"{self._path.name}.{kind}-{self._id[:8]}")

    def _write(self, connection: apsw.Connection, entry: Entry, moved: set[int]) -> Outcome:
        """Write one entry; ``moved`` collects the images that lay where it lies now."""
        record = entry.record
        stored = _sha256_of(connection, record.key)
        if stored is None and entry.features is not None:
            self._insert(connection, record, entry.features)
            if entry.local is not None:
                self._insert_local(connection, record.key, entry.local)
        elif stored != record.sha256:
            return "missing"
        _update(connection, entry)
        before = [_put(connection, record.key, file) for file in record.files]
        others = {key for key in before if key not in (None, record.key)}
        moved.update(others)
        if None in before or (stored is None and not before):
            return "added"
        return "updated" if others else "unchanged"

    def _insert(self, connection: apsw.Connection, record: Record, features: Features) -> None:
        dim, kind = self.recipe.dim, np.dtype(dtype(self.recipe.measure))
        if features.ndim != 2 or features.shape[1] != dim or features.dtype != kind:
            given = f"{features.dtype} {features.shape}"
            raise StoreError(f"the vectors are {given}, not {kind} (n, {dim})")
        if not np.isfinite(features).all():
            raise StoreError("the vectors are not finite")
        connection.execute(
            "INSERT INTO images (key, sha256, size, width, height, metadata, in_memory)"
            " VALUES (?, ?, ?, ?, ?, '{}', 0)",
            (record.key, record.sha256, record.size, record.width, record.height),
        )
        connection.executemany(
            "INSERT INTO vectors (key, row, vector) VALUES (?, ?, ?)",
            [(record.key, row, vector.tobytes()) for row, vector in enumerate(features)],
        )

    def _insert_local(self, connection: apsw.Connection, key: int, local: LocalFeatures) -> None:
        dim = self.extractor.dim if self.extractor else 0
        if local.descriptors.shape != (len(local), dim) or local.points.shape != (len(local), 2):
            given = f"{local.points.shape} and {local.descriptors.shape}"
            raise StoreError(f"the local features are {given}, not (n, 2) and (n, {dim})")
        if not np.isfinite(local.descriptors).all() or not np.isfinite(local.points).all():
            raise StoreError("the local features are not finite")
        connection.execute(
            "INSERT INTO local_features (key, features) VALUES (?, ?)", (key, packed(local))
        )

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._connections.reading() as connection:
            return connection.execute(sql, values).fetchall()

    def _images_after(self, last: int) -> list[tuple[Record, Features]]:
        """The next images by their keys, all of one moment."""
        with self._connections.reading() as connection, self._connections.decoding():
            keys = connection.execute(
                "SELECT key FROM images WHERE key > ? ORDER BY key LIMIT ?", (last, _IMAGES)
            ).fetchall()
            wanted = json.dumps([key for (key,) in keys])
            blobs = _blobs(connection, wanted)
            return [
                (record, matrix(blobs.get(key, []), self.recipe))
                for key, record in _records(connection, wanted).items()
            ]


def _within(folder: str) -> tuple[str, str]:
    """Paths between these two lie in the folder."""
    after = folder.rstrip(os.sep) + os.sep
    return after, after[:-1] + chr(ord(os.sep) + 1)


def _sha256_of(connection: apsw.Connection, key: int) -> object:
    return connection.execute("SELECT sha256 FROM images WHERE key = ?", (key,)).get


def _records(connection: apsw.Connection, keys: str) -> dict[int, Record]:
    """Those of the keys (a list as JSON) that are there, ascending."""
    lie: dict[int, list[File]] = {}
    for key, path, mtime_ns in connection.execute(
        f"SELECT key, path, mtime_ns FROM files {_CHOSEN} ORDER BY key, path", (keys,)
    ):
        lie.setdefault(key, []).append(File(path, mtime_ns))
    images: Iterator[Any] = connection.execute(
        f"SELECT key, sha256, size, width, height, metadata FROM images {_CHOSEN} ORDER BY key",
        (keys,),
    )
    return {
        key: Record(
            key, sha256, size, width, height, tuple(lie.get(key, ())), dict(json.loads(text))
        )
        for key, sha256, size, width, height, text in images
    }


def _blobs(connection: apsw.Connection, keys: str) -> dict[int, list[bytes]]:
    """The vectors of those keys, as bytes, in the order of their rows."""
    found: dict[int, list[bytes]] = {}
    for key, blob in connection.execute(
        f"SELECT key, vector FROM vectors {_CHOSEN} ORDER BY key, row", (keys,)
    ):
        found.setdefault(key, []).append(blob)
    return found


def _update(connection: apsw.Connection, entry: Entry) -> None:
    key = entry.record.key
    if entry.metadata is not None:
        text = json.dumps(dict(entry.metadata), ensure_ascii=False)
        connection.execute("UPDATE images SET metadata = ? WHERE key = ?", (text, key))
    if not entry.record.files:
        connection.execute("UPDATE images SET in_memory = 1 WHERE key = ?", (key,))


def _put(connection: apsw.Connection, key: int, file: File) -> int | None:
    """Record where an image lies; gives the key of the image that lay there before."""
    old: int | None = connection.execute("SELECT key FROM files WHERE path = ?", (file.path,)).get
    connection.execute(
        "INSERT OR REPLACE INTO files (path, key, mtime_ns) VALUES (?, ?, ?)",
        (file.path, key, file.mtime_ns),
    )
    return old


def _prune(connection: apsw.Connection, keys: set[int]) -> None:
    """Take out those of the images that lie nowhere any more."""
    connection.executemany(
        "DELETE FROM images WHERE key = ?1 AND NOT in_memory"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE key = ?1)",
        [(key,) for key in keys],
    )


def _describe(connection: apsw.Connection, name: str, value: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO catalogue (name, value) VALUES (?, ?)", (name, value)
    )
