"""Index pool: one index per measure, all of the same kind, created on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Protocol

from imagefinder.errors import PluginError
from imagefinder.registry.factory import check_index_choice, make_index
from imagefinder.registry.plugins import find_plugin
from imagefinder.stores.cache_files import CacheFiles
from imagefinder.stores.indexed_rows import RowSource
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.types import Features, Index, IndexChoice, Keys, Measure, Neighbors, Recipe


class Search(Protocol):
    """How a store itself answers searches by one measure."""

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""


class IndexPool:
    """Each index is created when its measure is first searched by."""

    def __init__(
        self,
        choice: IndexChoice,
        recipe: Recipe,
        rows: Callable[[], RowSource],
        files: CacheFiles,
        own: Mapping[str, Callable[[Measure], Search]],
    ) -> None:
        """``own`` are the kinds that the store answers itself, without an index here.

        Raises PluginError for an index that cannot compare the recipe's vectors, or that another
        store answers.
        """
        check_index_choice(choice, recipe.dim, recipe.measure)
        store = find_plugin("indexes", choice.kind).store
        if store and choice.kind not in own:
            raise PluginError(
                f"{choice.kind} works in the store {store} alone: choose another kind of index"
            )
        self.choice = choice
        self._rows, self._recipe = rows, recipe
        self._own = own.get(choice.kind)
        self._files = files
        self._guard = Lock()
        self._indexes: dict[Measure, SyncedIndex[Index]] = {}

    def search(
        self, query: Features, k: int, measure: Measure, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        if self._own is not None:
            check_index_choice(self.choice, self._recipe.dim, measure)
            return self._own(measure).search(query, k, subset)
        return self._index_for(measure).search(query, k, subset)

    def build(self) -> None:
        """Build and save the index for the recipe's measure now."""
        if self._own is None:
            self._index_for(self._recipe.measure).build()

    def close(self) -> None:
        """Release what rows are read by, and the memory once no search goes on."""
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
            self._rows(),
        )
        if self._files.has_legacy(other):  # an index was saved, so it is saved again
            index.build()
            self._files.remove_legacy(other)
        return index

    def _empty(self, measure: Measure) -> Index:
        return make_index(self.choice.kind, self._recipe.dim, measure, self.choice.options)
