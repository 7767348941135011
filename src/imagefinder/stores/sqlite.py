"""One SQLite file that holds everything: records, the encoder's recipe, and the vectors."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import apsw
import numpy as np

from imagefinder.errors import (
    CatalogueExists,
    CatalogueMissing,
    ImageError,
    NotFound,
    StoreError,
)
from imagefinder.similarity import Scores, dtype, scores_of
from imagefinder.stores import schema
from imagefinder.stores.cached_index import CachedIndex, matrix
from imagefinder.stores.connections import Connections
from imagefinder.types import (
    Entry,
    Features,
    File,
    Index,
    Located,
    Measure,
    Neighbors,
    Outcome,
    Recipe,
    Record,
    Statistics,
    key_of,
)

MakeIndex: TypeAlias = Callable[[int, Measure], Index]

_PAGE = 1000  # paths taken from the file at a time
_SCANS: dict[Measure, str] = {
    # the cosine with a vector of zeros is nothing: nothing like it
    "cosine": "coalesce(vec_distance_cosine(vector, ?), 1.0)",
    "l2": "vec_distance_l2(vector, ?)",
    "hamming": "vec_distance_hamming(vec_bit(vector), vec_bit(?))",
}

log = logging.getLogger(__name__)


class Sqlite:
    """A catalogue in one file, safe for many threads and beside other programs.

    A search is answered by the index that ``make_index`` gives, kept true to the file and saved
    beside it once it is large; without one, by sqlite-vec's own scan.
    """

    def __init__(self, path: Path, connections: Connections, make_index: MakeIndex | None) -> None:
        """For the class methods ``create`` and ``open``."""
        self._connections = connections
        self.recipe = self._read_recipe()
        self.index: CachedIndex | None = None
        if make_index:
            index = make_index(self.recipe.dim, self.recipe.measure)
            self.index = CachedIndex(index, path, connections, self.recipe)

    @classmethod
    def create(cls, path: Path, recipe: Recipe, make_index: MakeIndex | None = None) -> Sqlite:
        """A new catalogue. Raises CatalogueExists, or NotACatalogue where another file lies."""
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
                _write_recipe(connection, recipe)
            return cls(path, connections, make_index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def open(cls, path: Path, make_index: MakeIndex | None = None) -> Sqlite:
        """A catalogue that is there. Raises CatalogueMissing, NotACatalogue or NewerCatalogue."""
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
            return cls(path, connections, make_index)
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

    def relocate(self, place: Mapping[str, Any]) -> None:
        """Record where the encoder is to be found from now on."""
        recipe = Recipe(**{**asdict(self.recipe), "place": dict(place)})
        with self._connections.writing() as connection:
            _write_recipe(connection, recipe)
        self.recipe = recipe

    def knows(self, sha256: bytes) -> bool:
        """See Store."""
        with self._connections.reading() as connection:
            found = connection.execute(
                "SELECT sha256 FROM images WHERE key = ?", (key_of(sha256),)
            ).get
        if found is not None and found != sha256:
            raise ImageError(f"its key {key_of(sha256):016x} belongs to another picture")
        return found is not None

    def located(self, paths: Sequence[str]) -> dict[str, Located]:
        """See Store."""
        rows = self._rows(
            "SELECT path, key, size, mtime_ns FROM files JOIN images USING (key)"
            " WHERE path IN (SELECT value FROM json_each(?))",
            json.dumps(list(paths)),
        )
        return {path: Located(key, size, mtime_ns) for path, key, size, mtime_ns in rows}

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """See Store."""
        wanted = json.dumps([int(key) for key in keys])
        with self._connections.reading() as connection:
            images: list[Any] = connection.execute(
                "SELECT * FROM images WHERE key IN (SELECT value FROM json_each(?))", (wanted,)
            ).fetchall()
            files: list[Any] = connection.execute(
                "SELECT key, path, mtime_ns FROM files"
                " WHERE key IN (SELECT value FROM json_each(?)) ORDER BY path",
                (wanted,),
            ).fetchall()
        places: dict[int, list[File]] = {}
        for key, path, mtime_ns in files:
            places.setdefault(key, []).append(File(path, mtime_ns))
        return {
            key: Record(
                key, sha256, size, width, height, tuple(places.get(key, ())), json.loads(metadata)
            )
            for key, sha256, size, width, height, metadata in images
        }

    def features(self, key: int) -> Features:
        """See Store."""
        with self._connections.reading() as connection:
            found = _is_stored(connection, key)
            blobs = connection.execute(
                "SELECT vector FROM vectors WHERE key = ? ORDER BY row", (key,)
            )
            vectors = matrix([blob for (blob,) in blobs], self.recipe)
        if not found:
            raise NotFound(f"there is no picture {key:016x}")
        return vectors

    def paths(self, folder: str) -> Iterator[str]:
        """See Store."""
        separator = "\\" if "\\" in folder else "/"
        after = folder.rstrip(separator) + separator
        end = after[:-1] + chr(ord(separator) + 1)
        page: list[tuple[str]] = [(after,)]
        while page:
            page = self._rows(
                "SELECT path FROM files WHERE path > ? AND path < ? ORDER BY path LIMIT ?",
                page[-1][0],
                end,
                _PAGE,
            )
            yield from (path for (path,) in page)

    def remove(self, keys: Sequence[int]) -> int:
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

    def forget(self, paths: Sequence[str]) -> int:
        """See Store."""
        with self._connections.writing() as connection:
            keys = [
                connection.execute("DELETE FROM files WHERE path = ? RETURNING key", (path,)).get
                for path in paths
            ]
            _prune(connection, {key for key in keys if key is not None})
        return len(keys) - keys.count(None)

    def search(self, query: Features, k: int) -> Neighbors:
        """See Store."""
        return self._scan(query, k) if self.index is None else self.index.search(query, k)

    def statistics(self) -> Statistics:
        """See Store."""
        with self._connections.reading() as connection:
            pictures, files, vectors = (
                int(connection.execute(f"SELECT count(*) FROM {table}").get)
                for table in ("images", "files", "vectors")
            )
            size = connection.pragma("page_count") * connection.pragma("page_size")
        return Statistics(pictures, files, vectors, size)

    def close(self) -> None:
        """See Store."""
        if self.index is not None:
            self.index.close()
        self._connections.close()

    def _write(self, connection: apsw.Connection, entry: Entry, moved: set[int]) -> Outcome:
        """Write one entry; ``moved`` collects the pictures that lay where it lies now."""
        record = entry.record
        new = not _is_stored(connection, record.key)
        if new:
            if entry.features is None:
                return "missing"
            self._insert(connection, record, entry.features)
        _set_metadata(connection, entry)
        before = [_place(connection, record.key, file) for file in record.files]
        moved.update(key for key in before if key not in (None, record.key))
        if (new and not before) or None in before:
            return "added"
        return "updated" if moved.intersection(before) else "unchanged"

    def _insert(self, connection: apsw.Connection, record: Record, features: Features) -> None:
        wanted = (self.recipe.dim, np.dtype(dtype(self.recipe.measure)))
        if features.ndim != 2 or (features.shape[1], features.dtype) != wanted:
            raise StoreError(
                f"the vectors are {features.dtype} {features.shape}, not (n, {wanted[0]})"
            )
        connection.execute(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, '{}')",
            (record.key, record.sha256, record.size, record.width, record.height),
        )
        connection.executemany(
            "INSERT INTO vectors VALUES (?, ?, ?)",
            [(record.key, row, vector.tobytes()) for row, vector in enumerate(features)],
        )

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._connections.reading() as connection:
            return connection.execute(sql, values).fetchall()

    def _read_recipe(self) -> Recipe:
        (text,) = self._rows("SELECT value FROM catalogue WHERE name = 'recipe'")[0]
        return Recipe(**json.loads(text))

    def _scan(self, query: Features, k: int) -> Neighbors:
        """sqlite-vec compares every row, in SQL."""
        measure, dim = self.recipe.measure, self.recipe.dim
        if measure not in _SCANS:
            raise StoreError(f"sqlite-vec does not compare by {measure}: use the index 'exact'")
        distance = (
            f"SELECT key, {_SCANS[measure]} AS distance FROM vectors ORDER BY distance, key LIMIT ?"
        )
        found = [self._rows(distance, row.tobytes(), k) for row in query]
        columns = len(found[0]) if found else 0
        keys = np.array([[key for key, _ in rows] for rows in found], np.int64)
        distances: Scores = np.array([[d for _, d in rows] for rows in found], np.float32)
        shape = (len(query), columns)
        return Neighbors(keys.reshape(shape), scores_of(measure, distances.reshape(shape), dim))


def _is_stored(connection: apsw.Connection, key: int) -> bool:
    return connection.execute("SELECT 1 FROM images WHERE key = ?", (key,)).get is not None


def _set_metadata(connection: apsw.Connection, entry: Entry) -> None:
    if entry.metadata is not None:
        text = json.dumps(dict(entry.metadata), ensure_ascii=False)
        connection.execute("UPDATE images SET metadata = ? WHERE key = ?", (text, entry.record.key))


def _place(connection: apsw.Connection, key: int, file: File) -> int | None:
    """Record where a picture lies; gives the key of the picture that lay there before."""
    old: int | None = connection.execute("SELECT key FROM files WHERE path = ?", (file.path,)).get
    connection.execute(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (file.path, key, file.mtime_ns)
    )
    return old


def _prune(connection: apsw.Connection, keys: set[int]) -> None:
    """Take out those of the pictures that lie nowhere any more."""
    connection.executemany(
        "DELETE FROM images WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM files WHERE key = ?1)",
        [(key,) for key in keys],
    )


def _write_recipe(connection: apsw.Connection, recipe: Recipe) -> None:
    text = json.dumps(asdict(recipe), ensure_ascii=False)
    connection.execute("INSERT OR REPLACE INTO catalogue VALUES ('recipe', ?)", (text,))
