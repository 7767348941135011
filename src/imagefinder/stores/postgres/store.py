"""The PostgreSQL store: records, vectors and the encoder's recipe in a schema of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from imagefinder.errors import ImageError, NotFound, PluginError, StoreError
from imagefinder.registry import recipes
from imagefinder.registry.factory import check_index_choice
from imagefinder.similarity import dtype
from imagefinder.stores import upgrade
from imagefinder.stores.damage import Damage
from imagefinder.stores.path_range import path_range
from imagefinder.stores.postgres import maintenance, properties, records, schema
from imagefinder.stores.postgres.address import Address
from imagefinder.stores.postgres.blobs import (
    select_local_features,
    select_signatures,
    select_without_signature,
)
from imagefinder.stores.postgres.columns import select_column
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.copying import PostgresCopy, PostgresSnapshot
from imagefinder.stores.postgres.opened_catalogue import OpenedCatalogue
from imagefinder.stores.postgres.server_index import build_chosen
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.statistics import select_statistics
from imagefinder.stores.postgres.upgrade_rows import DatabaseUpgradeRows
from imagefinder.stores.postgres.upsert_rows import BufferedRows
from imagefinder.stores.postgres.vectors import select_vectors
from imagefinder.stores.postgres.where import select_keys
from imagefinder.stores.property_names import metadata_property
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

_PATHS = 1000
_IMAGES = 500  # with all their vectors


class PostgresStore:
    """A catalogue in a schema of a database, safe for many threads and beside other programs.

    Searches are answered by an index in memory, kept in step with the database and saved in the
    user's cache folder, or by the database itself; see ``use_index``.
    """

    def __init__(self, connections: Connections, index: IndexChoice | None) -> None:
        """For the class methods ``create`` and ``open``."""
        self._connections, self._index = connections, index
        self._opened = OpenedCatalogue(connections, index)

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
        url: str,
        recipe: Recipe,
        index: IndexChoice | None = None,
        extractor: Recipe | None = None,
    ) -> PostgresStore:
        """A new catalogue, with local features if the recipe of an extractor is given.

        Raises PluginError for an index that cannot compare its vectors, CatalogueExists, or
        NotACatalogue where the schema holds other tables.
        """
        if index is not None:
            check_index_choice(index, recipe.dim, recipe.measure)
        connections = Connections(Address.of(url))
        try:
            schema.find_pgvector(connections)
            schema.create(connections, recipe, extractor)
            return cls(connections, index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def open(
        cls, url: str, index: IndexChoice | None = None, *, read_only: bool = False
    ) -> PostgresStore:
        """An existing catalogue, searched by its own kind of index or another.

        Raises CatalogueMissing, NewerCatalogue or UnfinishedCopy, and StoreError if there is no
        pgvector.
        """
        connections = Connections(Address.of(url), read_only)
        try:
            schema.find_pgvector(connections)
            schema.check(connections)
            return cls(connections, index)
        except BaseException:
            connections.close()
            raise

    @classmethod
    def begin_copy(cls, url: str, properties: Properties, source: str) -> PostgresCopy:
        """See Copyable."""
        return PostgresCopy(url, properties, source)

    @classmethod
    def exists(cls, url: str) -> bool:
        """Whether there is something to ``open``."""
        connections = Connections(Address.of(url))
        try:
            with connections.reading() as session:
                return schema.exists(session)
        finally:
            connections.close()

    @classmethod
    def check(cls, url: str) -> list[Damage]:
        """All that is damaged in a catalogue."""
        with closing(cls.open(url)) as store:
            return maintenance.find_damage(store._opened)

    @classmethod
    def salvage(cls, url: str, found: Sequence[Damage]) -> NoReturn:
        """Nothing can be done from here. Raises StoreError, which says what can."""
        raise maintenance.no_repair(Address.of(url))

    @classmethod
    def add_checksums(cls, url: str) -> int:
        """None: the server has its own."""
        return 0

    def __len__(self) -> int:
        """See Store."""
        return int(self._connections.look_up("SELECT count(*) FROM {s}.images"))

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """See Store."""

        def use(session: Session) -> list[Outcome]:
            self._opened.check(session)
            rows = BufferedRows(session, self.recipe, self.extractor)
            rows.load(entries)
            return Upsert(rows).write(entries)

        return self._connections.write(use)

    def update_runtime(self, runtime: Mapping[str, Any]) -> None:
        """See Store."""
        recipe = replace(self.recipe, runtime=dict(runtime))
        self._set_of_vectors("recipe", recipes.to_json(recipe))
        self._opened.recipe = recipe

    def set_metadata(self, name: str, text: str) -> None:
        """See Store."""
        self._set_of_vectors(metadata_property(name), text)

    def replace_metadata(self, name: str, before: str | None, text: str) -> bool:
        """See Store."""
        own = metadata_property(name)

        def use(session: Session) -> bool:
            if properties.get_property(session, own) != before:
                return False
            properties.set_property(session, own, text)
            return True

        return self._connections.write(use)

    def get_metadata(self, name: str) -> str | None:
        """See Store."""
        own = metadata_property(name)
        return self._connections.read(lambda session: properties.get_property(session, own))

    def has_content(self, sha256: bytes) -> bool:
        """See Store."""
        key = key_of(sha256)
        found = self._connections.look_up("SELECT sha256 FROM {s}.images WHERE key = %s", (key,))
        if found is not None and found != sha256:
            raise ImageError(f"its id {id_of(key)} belongs to another image")
        return found is not None

    def lookup_paths(self, paths: Sequence[str]) -> dict[str, StoredFile]:
        """See Store."""
        return self._connections.read(lambda session: records.select_files(session, paths))

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """See Store."""
        own = list(map(int, keys))
        with self._connections.decoding():
            return self._connections.read(lambda session: records.select_records(session, own))

    def features(self, key: int) -> Features:
        """See Store."""
        found = self.features_of([key]).get(int(key))
        if found is None:
            raise NotFound(f"there is no image {id_of(int(key))}")
        return found

    def features_of(self, keys: Sequence[int]) -> dict[int, Features]:
        """See Store."""

        def use(session: Session) -> dict[int, Features]:
            self._opened.check(session)
            stored = records.select_stored(session, list(map(int, keys)))
            return select_vectors(session, stored, self.recipe)

        with self._connections.decoding():
            return self._connections.read(use)

    def local_features(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See Store."""
        extractor, own = self.extractor, list(map(int, keys))
        if extractor is None:
            return {}
        with self._connections.decoding():
            return self._connections.read(
                lambda session: select_local_features(session, own, extractor.dim)
            )

    def signatures(self, keys: Sequence[int]) -> dict[int, Signature]:
        """See Store."""
        own = list(map(int, keys))
        with self._connections.decoding():
            return self._connections.read(lambda session: select_signatures(session, own))

    def without_signature(self, keys: Sequence[int]) -> set[int]:
        """See Store."""
        own = list(map(int, keys))
        return self._connections.read(lambda session: select_without_signature(session, own))

    def shortlist(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        extractor = self.extractor
        if extractor is None:
            return []
        vlad = self._opened.vlad_index(extractor)
        return self._connections.retrying(lambda: vlad.search(query, k, subset))

    def select(
        self,
        folders: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> Keys:
        """See Store."""
        return self._connections.read(
            lambda session: select_keys(session, folders, where, after, limit)
        )

    def column(self, name: ImageColumn) -> tuple[Keys, list[Any]]:
        """See Store."""
        return self._connections.read(lambda session: select_column(session, name))

    def iter_records(self) -> Iterator[tuple[Record, Features]]:
        """See Store."""
        last = -1
        while page := self._page_of_records(last):
            yield from page
            last = page[-1][0].key

    def iter_paths(self, folder: str) -> Iterator[str]:
        """See Store."""
        last, end = path_range(folder)
        while page := self._connections.read(partial(records.select_paths, last, end, _PATHS)):
            yield from page
            last = page[-1]

    def remove_images(self, keys: Sequence[int]) -> int:
        """See Store."""
        return self._connections.write(lambda session: records.delete_images(session, keys))

    def remove_files(self, paths: Sequence[str]) -> int:
        """See Store."""
        return self._connections.write(lambda session: records.delete_files(session, paths))

    def search(
        self, query: Features, k: int, measure: Measure | None = None, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        own = self.recipe.measure
        by = measure or own
        if dtype(by) != dtype(own):
            raise StoreError(f"vectors for {own} cannot be compared by {by}")
        indexes = self._opened.indexes
        return self._connections.retrying(lambda: indexes.search(query, k, by, subset))

    @property
    def index(self) -> IndexChoice:
        """See Store."""
        return self._opened.indexes.choice

    def use_index(self, choice: IndexChoice) -> None:
        """See Store."""
        opened = self._opened
        indexes = opened.new_indexes(choice)
        indexes.build()

        def use(session: Session) -> None:
            opened.check(session)
            build_chosen(session, self.recipe, choice)
            properties.set_property(session, "index", recipes.choice_to_json(choice))

        self._connections.write(use)
        before, opened.indexes = opened.indexes, indexes
        before.close()

    def begin_upgrade(self, recipe: Recipe) -> upgrade.VectorUpgrade:
        """See Upgradable."""
        return upgrade.VectorUpgrade(lambda: self._opened, recipe)

    def other_vectors(self) -> OtherVectors | None:
        """See Upgradable."""
        return self._connections.read(
            lambda session: upgrade.other_vectors(DatabaseUpgradeRows(session))
        )

    def discard_other_vectors(self) -> None:
        """See Upgradable."""
        self._connections.write(lambda session: upgrade.discard(DatabaseUpgradeRows(session)))

    def successor(self) -> PostgresStore | None:
        """See Upgradable."""
        if self._connections.read(self._opened.is_current):
            return None
        self._opened.indexes.close()  # they are searched no longer, and may be large
        connections = Connections(self._connections.address)
        connections.vector_schema = self._connections.vector_schema
        try:
            return PostgresStore(connections, self._index)
        except PluginError:  # that kind of index cannot compare the new vectors
            return PostgresStore(connections, None)

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        """See Copyable."""
        with self._connections.reading() as session:
            yield PostgresSnapshot(self._connections, session)

    def backup(self, target: Path, force: bool = False) -> int:
        """See Store; a database has its own ways. Raises StoreError."""
        raise maintenance.no_backup(self._connections.address, target)

    def vacuum(self) -> int:
        """See Store."""
        return maintenance.vacuum(self._connections)

    def statistics(self) -> Statistics:
        """See Store."""
        return self._connections.read(select_statistics)

    def close(self) -> None:
        """See Store."""
        self._opened.close()

    def _set_of_vectors(self, name: str, value: str) -> None:
        """Set a property that is about the vectors that were opened."""

        def use(session: Session) -> None:
            self._opened.check(session)
            properties.set_property(session, name, value)

        self._connections.write(use)

    def _page_of_records(self, after: int) -> list[tuple[Record, Features]]:
        """The next images in order of their keys, with their vectors."""

        def use(session: Session) -> list[tuple[Record, Features]]:
            self._opened.check(session)
            keys = select_keys(session, (), None, after, _IMAGES).tolist()
            vectors = select_vectors(session, keys, self.recipe)
            found = records.select_records(session, keys)
            return [(one, vectors[key]) for key, one in found.items()]

        with self._connections.decoding():
            return self._connections.read(use)
