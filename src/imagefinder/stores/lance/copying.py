"""A whole catalogue out of a dataset, or into one: the rows as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import lance
import numpy as np

from imagefinder.errors import CatalogueMissing, StoreError
from imagefinder.similarity import dtype
from imagefinder.stores import codebook_file
from imagefinder.stores.items import text_of
from imagefinder.stores.lance import records, schema
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.changes import Changes
from imagefinder.stores.lance.draft import Draft
from imagefinder.stores.lance.failures import decoding, translating
from imagefinder.stores.lance.opened_catalogue import cache_files
from imagefinder.stores.lance.selection import select_by_keys, select_keys
from imagefinder.stores.lance.table import Table
from imagefinder.stores.lance.vectors import select_vectors
from imagefinder.stores.origin import Origin
from imagefinder.stores.property_names import ORIGIN
from imagefinder.stores.property_texts import properties_from, texts_of
from imagefinder.types import Keys, Properties, Recipe, StoredImage

_STORE = "lance"


class LanceSnapshot:
    """See ``types.Snapshot``: one version."""

    def __init__(self, dataset: lance.LanceDataset, address: Address) -> None:
        """Of a finished catalogue."""
        self._dataset, self._address = dataset, address
        with decoding(address):
            texts = schema.check(dataset, address)
            codebook = codebook_file.read(cache_files(address, texts["id"]))
            self.properties = properties_from(texts, 0, codebook)

    def __len__(self) -> int:
        """See Snapshot."""
        return len(self._keys)

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """See ImagePages."""
        with decoding(self._address), translating(self._address):
            return _select_page(self._dataset, self._keys, after, limit, self.properties.recipe)

    @cached_property
    def _keys(self) -> Keys:
        with translating(self._address):
            return select_keys(self._dataset)


class LanceCopy:
    """See ``types.StoreCopy``: a dataset that says of itself that it is not finished."""

    def __init__(self, address: Address, source: Properties, name: str) -> None:
        """Begins the copy, or goes on with it; see Copyable."""
        if source.other is not None:
            raise StoreError(
                f"{name} has vectors by another encoder beside its own, which a catalogue in Lance "
                "cannot hold: finish its upgrade first, or delete them by imagefinder upgrade "
                "--discard"
            )
        self._recipe = source.recipe
        self._table = self._begin(address, Origin.of(source, name))
        self._keys: tuple[int, Keys] | None = None

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """See ImagePages."""
        address, dataset = self._table.address, self._table.newest(now=True)
        with decoding(address), translating(address):
            if self._keys is None or self._keys[0] != dataset.version:
                self._keys = dataset.version, select_keys(dataset)
            return _select_page(dataset, self._keys[1], after, limit, self._recipe)

    def write(self, images: Sequence[StoredImage]) -> None:
        """See StoreCopy."""

        def use(draft: Draft) -> None:
            paths = [file.path for image in images for file in image.record.files]
            draft.load((image.record.key for image in images), paths)
            for image in images:
                if image.record.key in draft.images:
                    draft.remove_image(image.record.key)
            for image in images:
                _insert(draft, image, self._recipe)

        self._write(use)

    def remove(self, keys: Sequence[int]) -> None:
        """See StoreCopy."""

        def use(draft: Draft) -> None:
            draft.load(keys)
            for key in list(draft.images):
                draft.remove_image(key)

        self._write(use)

    def finish(self, source: Properties) -> None:
        """See StoreCopy."""
        texts = texts_of(source, _STORE)

        def decide(present: dict[str, str]) -> dict[str, str]:
            _check_unfinished(present)
            return {**texts, ORIGIN: ""}

        self._table.set_properties(decide)
        codebook_file.save_copy(cache_files(self._table.address, texts["id"]), source)

    def close(self) -> None:
        """See StoreCopy."""
        self._table.close()

    def _begin(self, address: Address, origin: Origin) -> Table:
        try:
            table = Table(address)
        except CatalogueMissing:
            schema.make(address, self._recipe, {ORIGIN: origin.to_json()})
            return Table(address)
        texts = schema.check_version(table.newest(), address)
        begun = Origin.from_json(texts[ORIGIN]) if ORIGIN in texts else None
        origin.check_begun(begun, address.shown)
        table.set_properties(lambda _: {ORIGIN: origin.to_json()})  # it may have moved
        return table

    def _write(self, use: Callable[[Draft], None]) -> None:
        def checked(dataset: lance.LanceDataset) -> tuple[None, Changes | None]:
            _check_unfinished(schema.properties_of(dataset))
            draft = Draft(dataset)
            use(draft)
            return None, draft.changes()

        self._table.write(checked)


def _check_unfinished(texts: dict[str, str]) -> None:
    if ORIGIN not in texts:
        raise StoreError("another program has finished this copy meanwhile")


def _insert(draft: Draft, image: StoredImage, recipe: Recipe) -> None:
    vectors = np.frombuffer(image.vectors, dtype(recipe.measure)).reshape(-1, recipe.dim)
    about = records.facts_of(image.record, image.in_memory, text_of(image.record))
    draft.insert_image(about, vectors, image.local)
    if image.signature is not None:
        draft.set_signature(image.record.key, image.signature)
    for file in image.record.files:
        if file.path in draft.paths:
            draft.remove_orphan(draft.remove_path(file.path))
        draft.insert_path(image.record.key, records.values_of(file))


def _select_page(
    dataset: lance.LanceDataset, stored: Keys, after: int, limit: int, recipe: Recipe
) -> list[StoredImage]:
    first = int(np.searchsorted(stored, after, "right"))
    keys = stored[first : first + limit].tolist()
    if not keys:
        return []
    vectors = select_vectors(dataset, keys, recipe)
    columns = ["key", "in_memory", "local", "signature"]
    rows = select_by_keys(dataset, columns, keys, "ordinal = 0").to_pylist()
    blobs = {row["key"]: row for row in rows}
    return [
        StoredImage(
            record,
            blobs[key]["in_memory"],
            vectors[key].tobytes(),
            None,
            blobs[key]["local"],
            blobs[key]["signature"],
        )
        for key, record in records.select_records(dataset, keys).items()
    ]
