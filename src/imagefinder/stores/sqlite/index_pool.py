"""The indexes that answer a catalogue's searches: one for each measure, all of one kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from imagefinder.registry.factory import check_index_choice, make_index
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.sqlite_vec import SqliteVecSearch
from imagefinder.stores.sqlite.synced_index import SyncedIndex, Vectors
from imagefinder.types import Features, Index, IndexChoice, Keys, Measure, Neighbors, Recipe

SCAN = "sqlite-vec"
"""The kind that has no files, and no Index."""


class IndexPool:
    """Made when they are first asked."""

    def __init__(
        self,
        choice: IndexChoice,
        recipe: Recipe,
        connections: Connections,
        place: Callable[[str], Path],
    ) -> None:
        """``place`` says where a cache of some name may be saved. Raises PluginError."""
        check_index_choice(choice, recipe.dim, recipe.measure)
        self.choice = choice
        self._recipe = recipe
        self._connections = connections
        self._place = place
        self._guard = Lock()
        self._made: dict[Measure, SyncedIndex] = {}

    def search(
        self, query: Features, k: int, measure: Measure, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        if self.choice.kind == SCAN:
            check_index_choice(self.choice, self._recipe.dim, measure)
            return SqliteVecSearch(self._recipe.dim, measure, self._connections).search(
                query, k, subset
            )
        return self._of(measure).search(query, k, subset)

    def build(self) -> None:
        """Make the recipe's own now, and save it."""
        if self.choice.kind != SCAN:
            self._of(self._recipe.measure).build()

    def close(self) -> None:
        """Let go of the catalogue's file."""
        with self._guard:
            for index in self._made.values():
                index.close()

    def _of(self, measure: Measure) -> SyncedIndex:
        with self._guard:
            if measure not in self._made:
                own = measure == self._recipe.measure
                self._made[measure] = SyncedIndex(
                    self._empty(measure),
                    self._place("exact" if own else f"exact{measure}"),
                    self._connections,
                    Vectors(self._recipe),
                )
            return self._made[measure]

    def _empty(self, measure: Measure) -> Index:
        return make_index(self.choice.kind, self._recipe.dim, measure, self.choice.options)


def sweep(path: Path) -> None:
    """Take away what indexes saved for catalogues that lay here before."""
    cache = re.compile(re.escape(path.name) + r"\.[a-z0-9]+(-[0-9a-f]{8}){1,2}(\.[a-z.]+)?")
    for file in path.parent.iterdir():
        if cache.fullmatch(file.name):
            file.unlink(missing_ok=True)
