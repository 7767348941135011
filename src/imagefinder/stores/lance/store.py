"""The Lance store: records, vectors and the encoder's recipe in one dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import lance

from imagefinder._utils.concurrency import batched
from imagefinder.errors import CatalogueDamaged, CatalogueMissing, ImageError, NotFound, StoreError
from imagefinder.registry import recipes
from imagefinder.registry.factory import check_index_choice
from imagefinder.similarity import dtype
from imagefinder.stores.damage import Damage
from imagefinder.stores.lance import maintenance, records, schema
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.blobs import (
    select_local_features,
    select_signatures,
    select_without_signature,
)
from imagefinder.stores.lance.changes import Changes
from imagefinder.stores.lance.columns import select_column
from imagefinder.stores.lance.copying import LanceCopy, LanceSnapshot
from imagefinder.stores.lance.draft import Draft
from imagefinder.stores.lance.failures import decoding, reason, translating
from imagefinder.stores.lance.metadata import MetadataCache
from imagefinder.stores.lance.opened_catalogue import OpenedCatalogue
from imagefinder.stores.lance.selection import IMAGES, in_folder, select, select_by_keys
from imagefinder.stores.lance.selection import select_keys as keys_of
from imagefinder.stores.lance.statistics import select_statistics
from imagefinder.stores.lance.table import Table
from imagefinder.stores.lance.vectors import select_vectors
from imagefinder.stores.lance.where import select_keys
from imagefinder.stores.lance.writer import LanceWriter
from imagefinder.stores.property_names import metadata_property
from imagefinder.types import (
    Entry,
    Features,
    ImageColumn,
    IndexChoice,
    Keys,
    LocalFeatures,
    Measure,
    Neighbors,
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

_IMAGES = 500  # with all their vectors

Result = TypeVar("Result")


class LanceStore:
    """A catalogue in a Lance dataset, safe for many threads and beside other programs.

    Searches are answered by an index in memory, kept in step with the dataset and saved in the
    user's cache folder, or by the engine itself; see ``use_index``.
    """

    def __init__(self, table: Table, index: IndexChoice | None) -> None:
        """For the class methods ``create`` and ``open``."""
        self._table = table
        self._opened = OpenedCatalogue(table, index)
        self._metadata = MetadataCache()
        self._writer = LanceWriter(table, self.recipe, self.extractor)

    @property
    def recipe(self) -> Recipe:
        """See Store."""
        return self._opened.recipe

    @property
    def extractor(self) -> Recipe | None:
        """See Store."""
        return self._opened.extractor

    @property
    def version(self) -> int:
        """The number of the version that is read."""
        return int(self._table.newest().version)

    @classmethod
    def create(
        cls,
        location: Path | str,
        recipe: Recipe,
        index: IndexChoice | None = None,
        extractor: Recipe | None = None,
    ) -> LanceStore:
        """A new catalogue, with local features if the recipe of an extractor is given.

        Raises PluginError for an index that cannot compare its vectors, CatalogueExists, or
        NotACatalogue where the folder holds something else.
        """
        if index is not None:
            check_index_choice(index, recipe.dim, recipe.measure)
        address = Address.of(location)
        schema.make(address, recipe, schema.texts_of_new(recipe, extractor))
        return cls(Table(address), index)

    @classmethod
    def open(
        cls,
        location: Path | str,
        index: IndexChoice | None = None,
        *,
        read_only: bool = False,
        version: int | None = None,
    ) -> LanceStore:
        """An existing catalogue, searched by its own kind of index or another.

        An older version can only be read. Raises CatalogueMissing, NotACatalogue, NewerCatalogue or
        UnfinishedCopy.
        """
        table = Table(Address.of(location), read_only=read_only, version=version)
        return cls(table, index)

    @classmethod
    def begin_copy(cls, location: Path | str, properties: Properties, source: str) -> LanceCopy:
        """See Copyable."""
        return LanceCopy(Address.of(location), properties, source)

    @classmethod
    def exists(cls, location: Path | str) -> bool:
        """Whether there is something to ``open``."""
        address = Address.of(location)
        try:
            schema.check_version(Table(address).newest(), address)
        except CatalogueMissing:
            return False
        return True

    @classmethod
    def check(cls, location: Path | str) -> list[Damage]:
        """All that is damaged in a catalogue, which need not be good enough to be opened."""
        try:
            with closing(cls.open(location)) as store:
                return maintenance.find_damage(store._table)
        except CatalogueDamaged as error:
            return [Damage(f"what describes the catalogue: {reason(str(error.__cause__))}")]

    @classmethod
    def salvage(cls, location: Path | str, found: Sequence[Damage]) -> NoReturn:
        """Nothing can be done in place. Raises StoreError, which says what can."""
        raise maintenance.no_repair(Address.of(location))

    @classmethod
    def add_checksums(cls, location: Path | str) -> int:
        """None: the object store and the file system have their own."""
        return 0

    def __len__(self) -> int:
        """See Store."""
        return self._read(lambda dataset: int(dataset.count_rows(IMAGES)))

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """See Store."""
        return self._writer.write(entries)

    def update_runtime(self, runtime: Mapping[str, Any]) -> None:
        """See Store."""
        recipe = replace(self.recipe, runtime=dict(runtime))
        self._table.set_properties(lambda _: {"recipe": recipes.to_json(recipe)})
        self._opened.recipe = recipe

    def set_metadata(self, name: str, text: str) -> None:
        """See Store."""
        self._table.set_properties(lambda _: {metadata_property(name): text})

    def replace_metadata(self, name: str, before: str | None, text: str) -> bool:
        """See Store."""
        own = metadata_property(name)
        return self._table.set_properties(
            lambda texts: {own: text} if texts.get(own) == before else None
        )

    def get_metadata(self, name: str) -> str | None:
        """See Store."""
        return self._read(schema.properties_of).get(metadata_property(name))

    def has_content(self, sha256: bytes) -> bool:
        """See Store."""
        key = key_of(sha256)
        rows = self._read(lambda dataset: select_by_keys(dataset, ["sha256"], [key], IMAGES))
        found = rows["sha256"].to_pylist()
        if found and found[0] != sha256:
            raise ImageError(f"its id {id_of(key)} belongs to another image")
        return bool(found)

    def lookup_paths(self, paths: Sequence[str]) -> dict[str, StoredFile]:
        """See Store."""
        return self._decode(lambda dataset: records.select_files(dataset, paths))

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """See Store."""
        return self._decode(lambda dataset: records.select_records(dataset, keys))

    def features(self, key: int) -> Features:
        """See Store."""
        found = self.features_of([key]).get(int(key))
        if found is None:
            raise NotFound(f"there is no image {id_of(int(key))}")
        return found

    def features_of(self, keys: Sequence[int]) -> dict[int, Features]:
        """See Store."""
        return self._decode(lambda dataset: select_vectors(dataset, keys, self.recipe))

    def local_features(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See Store."""
        extractor = self.extractor
        if extractor is None:
            return {}
        dim = extractor.dim
        return self._decode(lambda dataset: select_local_features(dataset, keys, dim))

    def signatures(self, keys: Sequence[int]) -> dict[int, Signature]:
        """See Store."""
        return self._decode(lambda dataset: select_signatures(dataset, keys))

    def without_signature(self, keys: Sequence[int]) -> set[int]:
        """See Store."""
        return self._read(lambda dataset: select_without_signature(dataset, keys))

    def shortlist(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        extractor = self.extractor
        if extractor is None:
            return []
        return self._opened.vlad_index(extractor).search(query, k, subset)

    def select(
        self,
        folders: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> Keys:
        """See Store."""
        return self._decode(
            lambda dataset: select_keys(dataset, self._metadata, folders, where, after, limit)
        )

    def column(self, name: ImageColumn) -> tuple[Keys, list[Any]]:
        """See Store."""
        return self._read(lambda dataset: select_column(dataset, name))

    def iter_records(self) -> Iterator[tuple[Record, Features]]:
        """See Store; of the version that is the newest at first."""
        dataset = self._table.newest()
        with decoding(self._table.address), translating(self._table.address):
            for page in batched(keys_of(dataset).tolist(), _IMAGES):
                vectors = select_vectors(dataset, page, self.recipe)
                found = records.select_records(dataset, page)
                yield from ((one, vectors[key]) for key, one in found.items())

    def iter_paths(self, folder: str) -> Iterator[str]:
        """See Store."""
        rows = self._read(lambda dataset: select(dataset, ["path"], in_folder(folder)))
        yield from sorted(rows["path"].to_pylist())

    def remove_images(self, keys: Sequence[int]) -> int:
        """See Store."""

        def use(dataset: lance.LanceDataset) -> tuple[int, Changes | None]:
            draft = Draft(dataset)
            draft.load(keys)
            stored = list(draft.images)
            for key in stored:
                draft.remove_image(key)
            return len(stored), draft.changes()

        return self._table.write(use)

    def remove_files(self, paths: Sequence[str]) -> int:
        """See Store."""

        def use(dataset: lance.LanceDataset) -> tuple[int, Changes | None]:
            draft = Draft(dataset)
            draft.load((), paths)
            stored = [path for path in dict.fromkeys(paths) if path in draft.paths]
            for key in {draft.remove_path(path) for path in stored}:
                draft.remove_orphan(key)
            return len(stored), draft.changes()

        return self._table.write(use)

    def search(
        self, query: Features, k: int, measure: Measure | None = None, subset: Keys | None = None
    ) -> Neighbors:
        """See Store."""
        own = self.recipe.measure
        by = measure or own
        if dtype(by) != dtype(own):
            raise StoreError(f"vectors for {own} cannot be compared by {by}")
        return self._opened.indexes.search(query, k, by, subset)

    @property
    def index(self) -> IndexChoice:
        """See Store."""
        return self._opened.indexes.choice

    def use_index(self, choice: IndexChoice) -> None:
        """See Store."""
        self._table.check_writable()
        indexes = self._opened.new_indexes(choice)
        indexes.build()
        built = self._opened.build(choice)
        if built != choice:
            indexes = self._opened.new_indexes(built)
        self._table.set_properties(lambda _: {"index": recipes.choice_to_json(built)})
        before, self._opened.indexes = self._opened.indexes, indexes
        before.close()

    @contextmanager
    def snapshot(self) -> Iterator[LanceSnapshot]:
        """See Copyable."""
        yield LanceSnapshot(self._table.newest(now=True), self._table.address)

    def backup(self, target: Path, force: bool = False) -> int:
        """See Store; a dataset is copied. Raises StoreError."""
        raise maintenance.no_backup(self._table.address, target)

    def vacuum(self) -> int:
        """See Store."""
        return maintenance.vacuum(self._table)

    def statistics(self) -> Statistics:
        """See Store."""
        return self._read(select_statistics)

    def close(self) -> None:
        """See Store."""
        self._opened.close()

    def _read(self, use: Callable[[lance.LanceDataset], Result]) -> Result:
        dataset = self._table.newest()
        with translating(self._table.address):
            return use(dataset)

    def _decode(self, use: Callable[[lance.LanceDataset], Result]) -> Result:
        with decoding(self._table.address):
            return self._read(use)
