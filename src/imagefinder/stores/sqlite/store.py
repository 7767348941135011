"""The SQLite store: records, vectors and the encoder's recipe in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from imagefinder.errors import (
    CatalogueDamaged,
    CatalogueExists,
    CatalogueMissing,
    ImageError,
    NotFound,
    PluginError,
    RecipeMismatch,
    StoreError,
)
from imagefinder.registry import recipes
from imagefinder.registry.factory import check_index_choice
from imagefinder.similarity import dtype
from imagefinder.stores import upgrade
from imagefinder.stores.cache_files import remove_stale_caches
from imagefinder.stores.damage import Damage
from imagefinder.stores.location import check_folder
from imagefinder.stores.path_range import path_range
from imagefinder.stores.sqlite import (
    maintenance,
    paging,
    properties,
    records,
    repair,
    schema,
)
from imagefinder.stores.sqlite.checksums import DamagedRow
from imagefinder.stores.sqlite.columns import select_column
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.copying import SqliteCopy, SqliteSnapshot
from imagefinder.stores.sqlite.damage import RECORDS, find_damage, with_paths
from imagefinder.stores.sqlite.local_features import select_local_features
from imagefinder.stores.sqlite.opened_catalogue import OpenedCatalogue
from imagefinder.stores.sqlite.preparation import initialize, prepare
from imagefinder.stores.sqlite.signatures import select_signatures, select_without_signature
from imagefinder.stores.sqlite.statistics import select_statistics
from imagefinder.stores.sqlite.upgrade_rows import FileUpgradeRows
from imagefinder.stores.sqlite.upsert_rows import FileUpsertRows
from imagefinder.stores.sqlite.vectors import select_vectors
from imagefinder.stores.sqlite.where import select_keys
from imagefinder.stores.upsert import Upsert
from imagefinder.types import (
    Entry,
    Features,
    ImageColumn,
    IndexChoice,
    Keys,
    LocalFeatures,
    Measure,
    Neighbors,
    OtherVectors,
    Outcome,
    Properties,
    Recipe,
    Record,
    Signature,
    Statistics,
    StoredFile,
    id_of,
    key_of,
)

_READ_WHOLE = 16 * 2**20  # bytes: no more than a tenth of a second


class SqliteStore:
    """A catalogue in one file, safe for many threads and beside other programs.

    Searches are answered by indexes of the kind chosen when the catalogue was made, or by
    ``use_index``. They are kept in sync with the file, and saved beside it once they are large.
    """

    def __init__(self, path: Path, connections: Connections, index: IndexChoice | None) -> None:
        """For the class methods ``create`` and ``open``."""
        self._path, self._index = path, index
        self._opened = OpenedCatalogue(path, connections, index)
        self._replacing = Lock()
        self._closed = False

    @property
    def recipe(self) -> Recipe:
        """See Store."""
        return self._opened.recipe

    @property
    def extractor(self) -> Recipe | None:
        """See Store."""
        return self._opened.extractor

    @classmethod
    def create(
        cls,
        path: Path,
        recipe: Recipe,
        index: IndexChoice | None = None,
        extractor: Recipe | None = None,
    ) -> SqliteStore:
        """A new catalogue, with local features if the recipe of an extractor is given.

        Raises PluginError for an index that cannot compare its vectors, CatalogueExists, or
        NotACatalogue where there is another file.
        """
        if index is not None:
            check_index_choice(index, recipe.dim, recipe.measure)
        check_folder(path)
        if cls.exists(path):
            cls.open(path).close()  # or it raises what else the file is
            raise CatalogueExists(f"{path} already exists: open it, or choose another path")
        connections = Connections(path, create=True)
        try:
            initialize(path, connections, recipe, extractor)
            remove_stale_caches(path)
            return cls(path, connections, index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def open(
        cls, path: Path, index: IndexChoice | None = None, *, read_only: bool = False
    ) -> SqliteStore:
        """An existing catalogue, searched by its own kind of index or another.

        Raises CatalogueMissing, NotACatalogue, NewerCatalogue or UnfinishedCopy; CatalogueDamaged
        if that is seen at once, as in a small file, which is read as a whole.
        """
        if not cls.exists(path):
            raise CatalogueMissing(
                f"there is no catalogue {path}: make one with imagefinder add FOLDER"
            )
        connections = Connections(path, read_only=read_only)
        try:
            prepare(connections, path)
            if path.stat().st_size <= _READ_WHOLE:
                with connections.reading() as connection:
                    for damage in find_damage(connection, RECORDS):
                        raise DamagedRow(damage.what)
            return cls(path, connections, index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def begin_copy(cls, path: Path, properties: Properties, source: str) -> SqliteCopy:
        """See Copyable."""
        return SqliteCopy.begin(path, properties, source)

    @classmethod
    def check(cls, path: Path) -> list[Damage]:
        """All that is damaged in a catalogue, which need not be good enough to be opened."""
        try:
            if not cls.exists(path):
                raise CatalogueMissing(f"there is no catalogue {path}")
            with closing(Connections(path)) as connections:
                prepare(connections, path)
                with connections.reading() as connection:
                    return with_paths(connection, list(find_damage(connection)))
        except CatalogueDamaged as error:  # it cannot even be opened
            return [Damage(f"the structure of the file: {error.__cause__}")]

    @classmethod
    def salvage(cls, path: Path, found: Sequence[Damage]) -> repair.Salvage:
        """Take damaged images and rows out of a catalogue; a copy of it is kept beside it.

        Raises CatalogueDamaged if what describes the catalogue itself is lost.
        """
        try:
            with closing(Connections(path)) as connections:
                return repair.salvage(connections, path, found)
        except CatalogueDamaged as error:
            raise repair.too_damaged(path) from error

    @classmethod
    def add_checksums(cls, path: Path) -> int:
        """Give rows that versions without checksums wrote theirs; how many there were."""
        with closing(Connections(path)) as connections:
            return repair.add_checksums(connections)

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
        with self._current.writing() as connection:
            rows = FileUpsertRows(connection, self.recipe, self.extractor)
            return Upsert(rows).write(entries)

    def update_runtime(self, runtime: Mapping[str, Any]) -> None:
        """See Store."""
        recipe = replace(self.recipe, runtime=dict(runtime))
        with self._current.writing() as connection:
            properties.set_property(connection, "recipe", recipes.to_json(recipe))
        self._opened.recipe = recipe

    def set_metadata(self, name: str, text: str) -> None:
        """See Store."""
        with self._current.writing() as connection:
            properties.set_metadata(connection, name, text)

    def replace_metadata(self, name: str, before: str | None, text: str) -> bool:
        """See Store."""
        with self._connections.writing() as connection:
            if properties.get_metadata(connection, name) != before:
                return False
            properties.set_metadata(connection, name, text)
            return True

    def get_metadata(self, name: str) -> str | None:
        """See Store."""
        with self._connections.reading() as connection, self._connections.decoding():
            return properties.get_metadata(connection, name)

    def has_content(self, sha256: bytes) -> bool:
        """See Store."""
        key = key_of(sha256)
        with self._connections.reading() as connection:
            found = records.sha256_of(connection, key)
        if found is not None and found != sha256:
            raise ImageError(f"its id {id_of(key)} belongs to another image")
        return found is not None

    def lookup_paths(self, paths: Sequence[str]) -> dict[str, StoredFile]:
        """See Store."""
        with self._connections.reading() as connection:
            return records.select_files(connection, paths)

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """See Store."""
        with self._connections.reading() as connection, self._connections.decoding():
            return records.select_records(connection, [int(key) for key in keys])

    def features(self, key: int) -> Features:
        """See Store."""
        found = self.features_of([key]).get(int(key))
        if found is None:
            raise NotFound(f"there is no image {id_of(int(key))}")
        return found

    def features_of(self, keys: Sequence[int]) -> dict[int, Features]:
        """See Store."""
        with self._current.reading() as connection, self._connections.decoding():
            stored = records.select_stored(connection, list(map(int, keys)))
            return select_vectors(connection, stored, self.recipe)

    def local_features(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See Store."""
        if self.extractor is None:
            return {}
        with self._connections.reading() as connection, self._connections.decoding():
            return select_local_features(connection, list(map(int, keys)), self.extractor.dim)

    def signatures(self, keys: Sequence[int]) -> dict[int, Signature]:
        """See Store."""
        with self._connections.reading() as connection, self._connections.decoding():
            return select_signatures(connection, list(map(int, keys)))

    def without_signature(self, keys: Sequence[int]) -> set[int]:
        """See Store."""
        with self._connections.reading() as connection:
            return select_without_signature(connection, list(map(int, keys)))

    def shortlist(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        if self.extractor is None:
            return []
        return self._current.vlad_index(self.extractor).search(query, k, subset)

    def select(
        self,
        folders: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> Keys:
        """See Store."""
        with self._connections.reading() as connection:
            return select_keys(connection, folders, where, after, limit)

    def column(self, name: ImageColumn) -> tuple[Keys, list[Any]]:
        """See Store."""
        with self._connections.reading() as connection:
            return select_column(connection, name)

    def iter_records(self) -> Iterator[tuple[Record, Features]]:
        """See Store."""
        last = -1
        while page := paging.page_of_records(self._current, last):
            yield from page
            last = page[-1][0].key

    def iter_paths(self, folder: str) -> Iterator[str]:
        """See Store."""
        last, end = path_range(folder)
        while page := paging.page_of_paths(self._connections, last, end):
            yield from page
            last = page[-1]

    def remove_images(self, keys: Sequence[int]) -> int:
        """See Store."""
        with self._connections.writing() as connection:
            return records.delete_images(connection, keys)

    def remove_files(self, paths: Sequence[str]) -> int:
        """See Store."""
        with self._connections.writing() as connection:
            return records.delete_files(connection, paths)

    def search(
        self, query: Features, k: int, measure: Measure | None = None, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        own = self.recipe.measure
        measure = measure or own
        if dtype(measure) != dtype(own):
            raise StoreError(f"vectors for {own} cannot be compared by {measure}")
        return self._current.indexes.search(query, k, measure, subset)

    def is_at(self, path: Path) -> bool:
        """Whether that is its file, by whatever name."""
        return path.exists() and path.samefile(self._path)

    @property
    def index(self) -> IndexChoice:
        """See Store."""
        return self._opened.indexes.choice

    def use_index(self, choice: IndexChoice) -> None:
        """See Store."""
        opened = self._current
        indexes = opened.new_indexes(choice)
        indexes.build()
        with opened.writing() as connection:
            properties.set_property(connection, "index", recipes.choice_to_json(choice))
        before, opened.indexes = opened.indexes, indexes
        before.close()

    def begin_upgrade(self, recipe: Recipe) -> upgrade.VectorUpgrade:
        """See Upgradable."""
        return upgrade.VectorUpgrade(lambda: self._current, recipe)

    def other_vectors(self) -> OtherVectors | None:
        """See Upgradable."""
        with self._connections.reading() as connection, self._connections.decoding():
            return upgrade.other_vectors(FileUpgradeRows(connection))

    def discard_other_vectors(self) -> None:
        """See Upgradable."""
        with self._connections.writing() as connection:
            upgrade.discard(FileUpgradeRows(connection))

    def successor(self) -> SqliteStore | None:
        """See Upgradable."""
        if not self._current.is_outdated():
            return None
        self._opened.indexes.close()  # they are searched no longer, and may be large
        try:
            return type(self).open(self._path, self._index)
        except PluginError:  # that kind of index cannot compare the new vectors
            return type(self).open(self._path)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """See Copyable."""
        connections = self._connections
        with connections.reading() as connection:
            yield SqliteSnapshot(self._path, connections, connection)

    def backup(self, target: Path, force: bool = False) -> int:
        """See Store."""
        return maintenance.back_up(self._connections, self._path, target, force)

    def vacuum(self) -> int:
        """See Store."""
        return maintenance.vacuum(self._connections, self._path)

    def statistics(self) -> Statistics:
        """See Store."""
        with self._connections.reading() as connection:
            return select_statistics(connection)

    def close(self) -> None:
        """See Store."""
        with self._replacing:
            self._closed = True
            self._opened.close()

    @property
    def _connections(self) -> Connections:
        return self._current.connections

    @property
    def _current(self) -> OpenedCatalogue:
        """The file that is at the path now. Raises StoreError if it is no such catalogue."""
        if not (self._closed or self._opened.connections.is_in_place()):
            self._reopen()
        return self._opened

    def _reopen(self) -> None:
        with self._replacing:
            before, path = self._opened, self._path
            if self._closed or before.connections.is_in_place():
                return
            if not path.exists():
                raise StoreError(f"{path} was moved or deleted while it was open: put it back")
            before.retire()
            read_only = before.connections.read_only
            other = type(self).open(path, self._index, read_only=read_only)
            if (other.recipe, other.extractor) != (before.recipe, before.extractor):
                other.close()
                raise RecipeMismatch(
                    f"{path} was replaced by a catalogue made with {other.recipe}, "
                    f"not with {before.recipe}: open it again"
                )
            self._opened = other._opened
