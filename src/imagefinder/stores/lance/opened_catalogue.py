"""A catalogue as it was opened: its dataset, what describes it, and its indexes."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock

from platformdirs import user_cache_path

from imagefinder.registry import recipes
from imagefinder.stores.cache_files import CacheFiles
from imagefinder.stores.index_pool import IndexPool
from imagefinder.stores.lance import schema
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.failures import decoding
from imagefinder.stores.lance.scan import LanceScan
from imagefinder.stores.lance.scope import Scopes
from imagefinder.stores.lance.snapshots import LocalRows, TableRows, VectorPages
from imagefinder.stores.lance.table import Table
from imagefinder.stores.lance.vector_index import (
    KINDS,
    LanceIndexSearch,
    LanceIvf,
    build_vector_index,
    drop_vector_index,
    options_of,
)
from imagefinder.stores.vlad_index import VladIndex
from imagefinder.types import IndexChoice, Measure, Recipe


class OpenedCatalogue:
    """For many threads."""

    def __init__(self, table: Table, index: IndexChoice | None) -> None:
        """Searched by its own kind of index, or another."""
        self.table = table
        with decoding(table.address):
            about = schema.check(table.newest(), table.address)
            self.recipe = recipes.from_json(about["recipe"])
            self.extractor = recipes.from_json(about["extractor"]) if "extractor" in about else None
            own = recipes.choice_from_json(about.get("index"))
            self._files = cache_files(table.address, about["id"], table.version)
        self._scopes = Scopes(table)
        self._guard = Lock()
        self.indexes = self.new_indexes(index or own)
        self._vlad: VladIndex | None = None

    def new_indexes(self, choice: IndexChoice) -> IndexPool:
        """Indexes of this kind, not yet built."""
        own = {kind: partial(self._by_index, choice) for kind in KINDS}
        return IndexPool(
            choice,
            self.recipe,
            lambda: TableRows(self.table, VectorPages()),
            self._files,
            {"lance": lambda measure: LanceScan(self._scopes, measure), **own},
        )

    def build(self, choice: IndexChoice) -> IndexChoice:
        """Build the index in the dataset that is chosen, or drop it; with all of its options."""
        if choice.kind not in KINDS:
            drop_vector_index(self.table)
            return choice
        options = build_vector_index(self.table, self._options_of(choice))
        return IndexChoice(choice.kind, options.options)

    def _by_index(self, choice: IndexChoice, measure: Measure) -> LanceIndexSearch:
        return LanceIndexSearch(self._scopes, self._options_of(choice), measure)

    def _options_of(self, choice: IndexChoice) -> LanceIvf:
        return options_of(choice.kind, self.recipe.dim, self.recipe.measure, choice.options)

    def vlad_index(self, extractor: Recipe) -> VladIndex:
        """The index of aggregated local features."""
        with self._guard:
            if self._vlad is None:
                rows = LocalRows(self.table, extractor.dim)
                self._vlad = VladIndex(self._files, rows, extractor.dim)
            return self._vlad

    def close(self) -> None:
        """Release the dataset and indexes; idempotent."""
        self.table.close()
        self.indexes.close()
        with self._guard:
            if self._vlad is not None:
                self._vlad.close()


def cache_files(address: Address, own: str, version: int | None = None) -> CacheFiles:
    """In the user's cache folder, by the address, since a copy of the folder has the same id.

    An older version has others than the newest.
    """
    place = "\0".join([address.uri, own, str(version or "")])
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    folder: Path = user_cache_path("imagefinder") / "lance" / digest
    with suppress(OSError):  # then indexes stay in memory
        folder.mkdir(parents=True, exist_ok=True)
    return CacheFiles(folder / "catalogue", own)
