"""Contract suite of stores that can be copied, and be a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imagefinder.errors import CatalogueExists, StoreError, UnfinishedCopy
from imagefinder.testing.contracts.samples import (
    SEED,
    random_entries,
    random_local_features,
    random_signature,
    random_vectors,
    record_of,
)
from imagefinder.types import (
    Copyable,
    Entry,
    File,
    ImagePages,
    Measure,
    Properties,
    Recipe,
    Snapshot,
    Store,
    StoreCopy,
    StoredImage,
    Upgradable,
)

_DIM, _OTHER_DIM = 8, 6
_IMAGES = 12
_EVERY = 100  # more images than there are
_EXTRACTOR = Recipe("corners", {}, 16, "cosine")


def check_copyable(stores: Any, address: Callable[[], Any], measure: Measure) -> None:
    """Copies of all kinds of content that are begun, refused, gone on with and finished.

    ``stores`` is the class of the stores, with ``create``, ``open`` and ``begin_copy``; ``address``
    gives a place where nothing is at every call.
    """
    case = _Case(stores, address, measure)
    for check in (_check_snapshot, _check_read_only, _check_copy, _check_resumed, _check_refused):
        check(case)


@dataclass(frozen=True)
class _Case:
    stores: Any
    address: Callable[[], Any]
    measure: Measure

    @property
    def recipe(self) -> Recipe:
        return Recipe("before", {"size": 1}, _DIM, self.measure, {"path": "model"})

    def create(self) -> Any:
        """The address of a store with all kinds of content."""
        address = self.address()
        with closing(self.stores.create(address, self.recipe, None, _EXTRACTOR)) as store:
            store.write(self.entries())
            store.write([Entry(record_of("/random/1", "/also/1"), None)])
            given = replace(record_of("/random/2"), files=())
            store.write([Entry(given, None, {"title": "also given in memory", "größe": [1, 2.5]})])
            store.set_metadata("note", "a text of lines\n and “quotes”")
            _upgrade_some(store, self.measure)
        return address

    def entries(self) -> list[Entry]:
        rng = np.random.default_rng(SEED)
        entries = [
            replace(
                entry,
                metadata={"number": number, "none": None},
                local=random_local_features(rng, number, _EXTRACTOR.dim),
                signature=random_signature(rng) if number % 2 else None,
            )
            for number, entry in enumerate(random_entries(_IMAGES, _DIM, self.measure))
        ]
        three = random_vectors(rng, 3, _DIM, self.measure)
        entries[4] = replace(entries[4], features=three)
        entries[5] = replace(entries[5], features=three[:0])
        uploaded = File("/uploads/6", 2**62, "uploaded")
        imported = File("/imported/6", 0, "imported")
        record = replace(entries[6].record, files=(imported, uploaded))
        entries[6] = replace(entries[6], record=record)
        return entries

    @contextmanager
    def snapshot(self, address: Any) -> Iterator[Snapshot]:
        with closing(self.stores.open(address, read_only=True)) as store, store.snapshot() as found:
            yield found

    def begin(self, address: Any, properties: Properties) -> StoreCopy:
        made: StoreCopy = self.stores.begin_copy(address, properties, "the source")
        return made


def _upgrade_some(store: Store, measure: Measure) -> None:
    """Some images have vectors by another encoder, one of them none."""
    if isinstance(store, Upgradable):
        upgrade = store.begin_upgrade(Recipe("after", {}, _OTHER_DIM, measure))
        rows = random_vectors(np.random.default_rng(1), 2, _OTHER_DIM, measure)
        first, second, third = store.select(limit=3).tolist()
        upgrade.write({first: rows, second: rows[:0], third: rows[1:]})


def _is_copyable(store: object) -> bool:
    return isinstance(store, Copyable)


def _all(pages: ImagePages) -> list[StoredImage]:
    return pages.page(-1, _EVERY)


def _check_snapshot(case: _Case) -> None:
    address = case.create()
    with closing(case.stores.open(address)) as store:
        assert _is_copyable(store), "it has a snapshot"
        with store.snapshot() as snapshot:
            assert len(snapshot) == _IMAGES
            before = _all(snapshot)
            keys = [image.record.key for image in before]
            assert keys == store.select().tolist(), "in order of their keys"
            assert snapshot.page(keys[2], 3) == before[3:6], "page by page"
            assert snapshot.page(keys[-1], 3) == []
            store.remove_images(keys[:2])
            store.write(random_entries(5, _DIM, case.measure, first=50))
            store.set_metadata("note", "another")
            assert _all(snapshot) == before, "whatever is written meanwhile"
            assert len(snapshot) == _IMAGES
        with case.snapshot(address) as snapshot:
            assert len(snapshot) == len(_all(snapshot)) == _IMAGES + 3
            assert snapshot.properties.metadata == {"note": "another"}
            assert snapshot.properties.recipe == case.recipe
            assert snapshot.properties.extractor == _EXTRACTOR


def _check_read_only(case: _Case) -> None:
    address = case.create()
    with closing(case.stores.open(address, read_only=True)) as store:
        before = store.select().tolist()
        _check_raises(StoreError, lambda: store.remove_images(before), "it was opened to be read")
        _check_raises(StoreError, lambda: store.set_metadata("note", "new"), "it is read only")
        assert store.select().tolist() == before


def _check_copy(case: _Case) -> None:
    source, target = case.create(), case.address()
    with case.snapshot(source) as snapshot:
        images, properties = _all(snapshot), snapshot.properties
    assert any(image.in_memory and image.record.files for image in images)
    with closing(case.begin(target, properties)) as made:
        assert _all(made) == [], "it is empty at first"
        made.write(images)
        assert _all(made) == images, "all is as it was"
        made.finish(properties)
        _check_raises(StoreError, lambda: made.write(images[:1]), "it is finished")
        _check_raises(StoreError, lambda: made.finish(properties), "it is finished")
    with case.snapshot(target) as snapshot:
        assert _all(snapshot) == images
        assert snapshot.properties == properties
        assert snapshot.properties.recipe.runtime == properties.recipe.runtime
        assert snapshot.properties.id != properties.id, "an id of its own"
    with closing(case.stores.open(target)) as store:
        key = images[0].record.key
        assert store.write(random_entries(1, _DIM, case.measure, first=99)) == ["added"]
        assert store.get([key]) == {key: images[0].record}
        assert len(store.search(store.features(images[-1].record.key), 1).keys)
        assert store.shortlist(store.local_features([key])[key], 1) in ([key], []), "by a codebook"


def _check_resumed(case: _Case) -> None:
    with case.snapshot(case.create()) as snapshot:
        images, properties = _all(snapshot), snapshot.properties
    target = case.address()
    with closing(case.begin(target, properties)) as made:
        made.write(images[:5])
    _check_raises(UnfinishedCopy, lambda: case.stores.open(target), "it is not finished")
    _check_raises(StoreError, lambda: case.stores.create(target, case.recipe), "it is taken")
    assert case.stores.exists(target), "there is something"
    first, last = images[0], images[-1]
    moved = replace(last, record=replace(last.record, files=first.record.files))
    with closing(case.begin(target, properties)) as made:
        assert _all(made) == images[:5], "it goes on"
        changed = replace(images[1], signature=None, vectors=images[2].vectors)
        made.write([changed, moved])
        assert _all(made)[-1] == moved, "a path belongs to the image that was written last"
        made.remove([last.record.key, 12345])
        assert _all(made) == [changed, *images[2:5]]
        made.write(images)
        assert _all(made) == images


def _check_refused(case: _Case) -> None:
    source, other = case.create(), case.create()
    with case.snapshot(source) as snapshot, case.snapshot(other) as another:
        images, properties, others = _all(snapshot), snapshot.properties, another.properties
        _check_raises(CatalogueExists, lambda: case.begin(other, properties), "it is another one")
        _check_raises(CatalogueExists, lambda: case.begin(source, properties), "it is the source")
        assert _all(another) == images
    target = case.address()
    case.begin(target, properties).close()
    _check_raises(StoreError, lambda: case.begin(target, others), "a copy of another one")
    upgraded = replace(properties, recipe=replace(properties.recipe, options={"size": 2}))
    _check_raises(StoreError, lambda: case.begin(target, upgraded), "its encoder is another now")
    with closing(case.begin(target, properties)) as made:
        made.finish(properties)
    _check_raises(CatalogueExists, lambda: case.begin(target, properties), "it is whole")


def _check_raises(kind: type[Exception], use: Callable[[], object], why: str) -> None:
    try:
        use()
    except kind:
        return
    raise AssertionError(f"{kind.__name__}: {why}")
