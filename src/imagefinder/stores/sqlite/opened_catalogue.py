"""A catalogue's file as it was opened: its connections, what describes it, and its indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import apsw

from imagefinder.errors import EncoderChanged
from imagefinder.registry import recipes
from imagefinder.stores.cache_files import CacheFiles
from imagefinder.stores.index_pool import IndexPool
from imagefinder.stores.sqlite import properties
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.snapshots import FileRows, LocalRows
from imagefinder.stores.sqlite.sqlite_vec import SqliteVecSearch
from imagefinder.stores.sqlite.upgrade_rows import FileUpgradeRows
from imagefinder.stores.sqlite.vectors import VectorRows
from imagefinder.stores.vlad_index import VladIndex
from imagefinder.types import IndexChoice, Recipe


class OpenedCatalogue:
    """Opened once, and given up as a whole when another file takes its place."""

    def __init__(self, path: Path, connections: Connections, index: IndexChoice | None) -> None:
        """Searched by its own kind of index, or another."""
        self.path, self.connections = path, connections
        with connections.reading() as connection, connections.decoding():
            about = properties.select_properties(connection)
            self.recipe = recipes.from_json(about["recipe"])
            self.extractor = recipes.from_json(about["extractor"]) if "extractor" in about else None
            own = recipes.choice_from_json(about.get("index"))
            self._files = CacheFiles(path, str(about["id"]))
            self._vectors = properties.vectors_id(connection)
        self._guard = Lock()
        self.indexes = self.new_indexes(index or own)
        self._vlad: VladIndex | None = None

    def new_indexes(self, choice: IndexChoice) -> IndexPool:
        """Indexes of this kind, not yet built."""
        rows = VectorRows(self.recipe, self.check)
        return IndexPool(
            choice,
            self.recipe,
            lambda: FileRows(self.connections, rows),
            self._files,
            {"sqlite-vec": lambda measure: SqliteVecSearch(rows, measure, self.connections)},
        )

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection to read vectors with. Raises EncoderChanged."""
        with self.connections.reading() as connection:
            self.check(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """The writer, for vectors and what describes them. Raises EncoderChanged."""
        with self.connections.writing() as connection:
            self.check(connection)
            yield connection

    @contextmanager
    def upgrade_reading(self) -> Iterator[FileUpgradeRows]:
        """See ``upgrade.Opened``."""
        with self.reading() as connection:
            yield FileUpgradeRows(connection)

    @contextmanager
    def upgrade_writing(self) -> Iterator[FileUpgradeRows]:
        """See ``upgrade.Opened``."""
        with self.writing() as connection:
            yield FileUpgradeRows(connection)

    def check(self, connection: apsw.Connection) -> None:
        """Raise EncoderChanged unless the stored vectors are still those that were opened."""
        if not self.is_current(connection):
            raise EncoderChanged(
                f"{self.path.name} has been upgraded from {self.recipe.encoder} to another "
                "encoder: open it again"
            )

    def is_outdated(self) -> bool:
        """Whether the stored vectors are others by now."""
        with self.connections.reading() as connection:
            return not self.is_current(connection)

    def is_current(self, connection: apsw.Connection) -> bool:
        """Whether the stored vectors are still those that were opened."""
        return properties.vectors_id(connection) == self._vectors

    def vlad_index(self, extractor: Recipe) -> VladIndex:
        """The index of aggregated local features."""
        with self._guard:
            if self._vlad is None:
                self._vlad = VladIndex(
                    self._files, LocalRows(self.connections, extractor.dim), extractor.dim
                )
            return self._vlad

    def retire(self) -> None:
        """Close, and leave nothing to a file that has taken the place of this one."""
        self._close_indexes()
        self.connections.retire()

    def close(self) -> None:
        """Release files; idempotent."""
        self.connections.close()  # first, so that the indexes cannot open another
        self._close_indexes()

    def _close_indexes(self) -> None:
        self.indexes.close()
        with self._guard:
            if self._vlad is not None:
                self._vlad.close()
