"""Index pool: one index per measure, all of the same kind, created on first use."""

from __future__ import annotations

from threading import Lock

from imagefinder.registry.factory import check_index_choice, make_index
from imagefinder.stores.sqlite.cache_files import CacheFiles
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.sqlite_vec import SqliteVecSearch
from imagefinder.stores.sqlite.synced_index import SyncedIndex
from imagefinder.stores.sqlite.vectors import VectorRows
from imagefinder.types import Features, Index, IndexChoice, Keys, Measure, Neighbors

_SQLITE_VEC = "sqlite-vec"  # the kind without an Index and without files


class IndexPool:
    """Each index is created when its measure is first searched by."""

    def __init__(
        self,
        choice: IndexChoice,
        rows: VectorRows,
        connections: Connections,
        files: CacheFiles,
    ) -> None:
        """Raises PluginError for an index that cannot compare the recipe's vectors."""
        recipe = rows.recipe
        check_index_choice(choice, recipe.dim, recipe.measure)
        self.choice = choice
        self._rows, self._recipe = rows, recipe
        self._connections = connections
        self._files = files
        self._guard = Lock()
        self._indexes: dict[Measure, SyncedIndex[Index]] = {}

    def search(
        self, query: Features, k: int, measure: Measure, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        if self.choice.kind == _SQLITE_VEC:
            check_index_choice(self.choice, self._recipe.dim, measure)
            return SqliteVecSearch(self._rows, measure, self._connections).search(query, k, subset)
        return self._index_for(measure).search(query, k, subset)

    def build(self) -> None:
        """Build and save the index for the recipe's measure now."""
        if self.choice.kind != _SQLITE_VEC:
            self._index_for(self._recipe.measure).build()

    def close(self) -> None:
        """Release the catalogue's file, and the memory once no search goes on."""
        with self._guard:
            for index in self._indexes.values():
                index.close()
            self._indexes.clear()

    def _index_for(self, measure: Measure) -> SyncedIndex[Index]:
        with self._guard:
            if measure not in self._indexes:
                self._indexes[measure] = self._open(measure)
            return self._indexes[measure]

    def _open(self, measure: Measure) -> SyncedIndex[Index]:
        other = None if measure == self._recipe.measure else measure
        index = SyncedIndex(
            self._empty(measure),
            measure,
            self._files.vectors(other),
            self._connections,
            self._rows,
        )
        if self._files.has_legacy(other):  # an index was saved, so it is saved again
            index.build()
            self._files.remove_legacy(other)
        return index

    def _empty(self, measure: Measure) -> Index:
        return make_index(self.choice.kind, self._recipe.dim, measure, self.choice.options)
