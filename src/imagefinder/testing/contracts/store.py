"""Contract suite of stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import NotFound
from imagefinder.testing.contracts.samples import (
    SEED,
    random_local_features,
    random_signature,
    random_vectors,
    record_of,
)
from imagefinder.types import (
    Entry,
    Features,
    Item,
    LocalFeatures,
    Measure,
    Recipe,
    Signature,
    Store,
)

_DIM = 8
_IMAGES = 20
_WITH_TWO_VECTORS = 3

MakeStore = Callable[[Recipe], Store]


def check_store(make: MakeStore, measure: Measure) -> None:
    """Writes, reads, searches, selects and removes; local features too, with an extractor.

    ``make`` gives a new, empty store for a recipe at every call.
    """
    case = _Case(make, measure)
    for check in (
        _check_empty,
        _check_write,
        _check_search,
        _check_metadata,
        _check_paths,
        _check_remove,
        _check_select,
        _check_items,
        _check_revisions,
        _check_pages,
        _check_columns,
        _check_iter_records,
        _check_signatures,
        _check_local_features,
    ):
        check(case)


@dataclass(frozen=True)
class _Case:
    make: MakeStore
    measure: Measure

    @property
    def recipe(self) -> Recipe:
        return Recipe("test", {"size": 1}, _DIM, self.measure)

    def vectors(self, rows: int, seed: int = SEED) -> Features:
        return random_vectors(np.random.default_rng(seed), rows, _DIM, self.measure)

    @contextmanager
    def empty(self) -> Iterator[Store]:
        store = self.make(self.recipe)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def filled(self) -> Iterator[tuple[Store, list[Entry]]]:
        """A store with some images, and their entries."""
        with self.empty() as store:
            rng = np.random.default_rng(SEED)
            entries = [
                Entry(
                    record_of(f"/a/{number}"),
                    random_vectors(rng, 1 + (number == _WITH_TWO_VECTORS), _DIM, self.measure),
                    local=_random_local_features(rng, store.extractor),
                )
                for number in range(_IMAGES)
            ]
            assert store.write(entries) == ["added"] * _IMAGES
            yield store, entries


def _check_empty(case: _Case) -> None:
    with case.empty() as store:
        assert len(store) == 0, "a new store is empty"
        assert store.recipe == case.recipe, "the recipe is stored"
        assert store.search(case.vectors(1), 3).keys.shape == (1, 0), "nothing is found"
        store.close()  # the second time does no harm


def _check_write(case: _Case) -> None:
    with case.filled() as (store, entries):
        assert store.write(entries) == ["unchanged"] * _IMAGES, "writing twice is harmless"
        assert len(store) == _IMAGES
        assert store.statistics().images == _IMAGES
        assert store.statistics().vectors == _IMAGES + 1
        for entry in entries:
            key = entry.record.key
            assert store.has_content(entry.record.sha256)
            assert store.get([key, 12345]) == {key: entry.record}, "records come back as they were"
            assert_array_equal(store.features(key), np.asarray(entry.features), "vectors too")
        found = store.features_of([*_keys(entries), 12345])
        assert found.keys() == _keys(entries), "unknown keys are left out"
        for entry in entries:
            assert_array_equal(found[entry.record.key], np.asarray(entry.features))
        unknown = Entry(record_of("/c/none"), None)
        assert store.write([unknown]) == ["missing"], "without vectors there is nothing to add"
        _check_raises_not_found(store)


def _check_raises_not_found(store: Store) -> None:
    try:
        store.features(12345)
    except NotFound:
        return
    raise AssertionError("features of an unknown image raise NotFound")


def _check_search(case: _Case) -> None:
    with case.filled() as (store, entries):
        for entry in entries:
            nearest = store.search(np.asarray(entry.features), 1).keys[:, 0]
            finds_itself = (nearest == entry.record.key).all()
            assert finds_itself or case.measure in ("dot", "hamming"), "it finds itself"
        found = store.search(case.vectors(1), 100).keys
        assert set(found.ravel()) == _keys(entries), "all images, no matter how large k is"
        subset = np.array(sorted(_keys(entries[:9])))
        found = store.search(case.vectors(2), 100, None, subset).keys
        assert set(found.ravel()) == set(subset), "only the subset, and all of it"


def _check_metadata(case: _Case) -> None:
    with case.empty() as store:
        assert store.get_metadata("calibration") is None, "there is none at first"
        store.set_metadata("calibration", "one")
        store.set_metadata("calibration", "another")
        assert store.get_metadata("calibration") == "another", "the last one counts"
        assert not store.replace_metadata("calibration", "one", "a third"), "it is another now"
        assert store.replace_metadata("calibration", "another", "a third")
        assert store.replace_metadata("note", None, "new")
        assert store.get_metadata("calibration") == "a third"
        assert store.get_metadata("recipe") is None, "the store's own names are its own"
        store.set_metadata("recipe", "none")
        assert store.recipe == case.recipe
        store.update_runtime({"path": "elsewhere"})
        assert store.recipe.runtime == {"path": "elsewhere"}


def _check_paths(case: _Case) -> None:
    with case.filled() as (store, _):
        second = Entry(record_of("/a/0", "/b/0"), None, {"title": "a copy"})
        assert store.write([second]) == ["added"]
        (record,) = store.get([second.record.key]).values()
        assert [file.path for file in record.files] == ["/a/0", "/b/0"]
        assert record.metadata == {"title": "a copy"}
        assert len(list(store.iter_paths("/a"))) == _IMAGES
        assert list(store.iter_paths("/b")) == ["/b/0"]
        assert list(store.iter_paths("/")) == [*store.iter_paths("/a"), "/b/0"]
        assert store.lookup_paths(["/b/0", "/nowhere"]).keys() == {"/b/0"}
        assert store.remove_files(["/a/0", "/nowhere"]) == 1
        assert store.has_content(record.sha256), "it still has another path"
        assert store.remove_files(["/b/0"]) == 1
        assert not store.has_content(record.sha256), "now it has none"


def _check_remove(case: _Case) -> None:
    with case.filled() as (store, entries):
        assert store.remove_images([entries[1].record.key, 12345]) == 1
        del entries[1]
        assert len(store) == len(entries)
        assert set(store.select()) == _keys(entries)
        found = store.search(case.vectors(1), 100).keys
        assert set(found.ravel()) == _keys(entries), "what was removed is not found"


def _check_select(case: _Case) -> None:
    with case.filled() as (store, entries):
        assert_array_equal(store.select(), sorted(_keys(entries)), "all keys, ascending")
        assert set(store.select(["/a/5", "/nowhere"])) == _keys(entries[5:6])
        assert set(store.select(["/a/"])) == _keys(entries)
        many = [f"/nowhere/{number}" for number in range(2000)]
        assert set(store.select([*many, "/a/5"])) == _keys(entries[5:6]), "any number of folders"
        store.write([replace(entries[7], metadata={"color": "red", "size": 2})])
        assert set(store.select(where={"color": "red", "size": 2})) == _keys(entries[7:8])
        assert not len(store.select(["/a/5"], {"color": "red"})), "both must hold"
        assert not len(store.select(where={"color": 2})), "another value is another"


def _check_items(case: _Case) -> None:
    with case.filled() as (store, entries):
        record = entries[0].record
        path, red, blue = "/a/0", {"sku": "17", "price": 9}, {"sku": "18", "price": 30}
        assert store.write([Entry(record, None, red)]) == ["updated"]
        assert store.write([Entry(record_of(path, "/A/0"), None)]) == ["added"]
        other = Entry(record_of(path, "/b/0"), None, [Item(blue, "/b/0")])
        assert store.write([other, other]) == ["added", "unchanged"]
        stored = store.get([record.key])[record.key]
        assert stored.items == (Item(red, path), Item(blue, "/b/0")), "each file keeps its own"
        assert stored.metadata == red, "the first item's"
        for where in ({"price": 9}, {"price": {"gt": 20}}, {"sku": "18", "price": 30}):
            assert store.select(where=where).tolist() == [record.key], "either is found"
        assert not len(store.select(where={"sku": "17", "price": 30})), "no item is both"
        assert not len(store.select(where={"price": {"gt": 10, "lt": 20}}))
        named = [Item(red, path, "x"), Item(blue, path, "y"), Item({}, "/b/0")]
        assert store.write([Entry(record, None, named)]) == ["updated"]
        assert store.get([record.key])[record.key].items == (Item(red, path), *named[:2])
        assert store.remove_files([path]) == 1
        moved = (Item(red, "/A/0"), *(Item(one.metadata, "/A/0", one.id) for one in named[:2]))
        assert store.get([record.key])[record.key].items == moved, "to a file without its own"
        ((again, _), *_) = [one for one in store.iter_records() if one[0].key == record.key]
        assert again.items == moved
        assert store.remove_files(["/A/0"]) == 1


def _check_revisions(case: _Case) -> None:
    with case.filled() as (store, (first, second, *_)):
        key, path, other = first.record.key, "/a/0", "/a/1"
        store.write([replace(first, metadata={"price": 9, "sale": True})])
        store.write([Entry(replace(second.record, files=first.record.files), None)])
        patch = Entry(
            first.record, None, [Item({"price": 8, "sale": None}, path)], revision="merge"
        )
        assert store.write([patch]) == ["missing"], "its only file is another image's by now"
        assert store.lookup_paths([path])[path].key == second.record.key, "no file is taken back"
        price = Entry(second.record, None, [Item({"price": 9}, path)], revision="merge")
        size = replace(price, metadata=[Item({"size": {"w": 1}}, path)])
        assert store.write([price, size, size]) == ["updated", "updated", "unchanged"]
        stored = store.get([second.record.key])[second.record.key]
        assert stored.metadata == {"price": 9, "size": {"w": 1}}, "both, whoever read it before"
        assert [file.path for file in stored.files] == [path, other]
        gone = Entry(stored, None, [Item({"size": 2}, path)], revision="replace")
        assert store.write([gone]) == ["updated"]
        assert store.get([stored.key])[stored.key].metadata == {"size": 2}
        assert key not in store.get([key])


def _check_pages(case: _Case) -> None:
    with case.filled() as (store, _):
        keys = store.select().tolist()
        assert store.select(after=keys[1], limit=3).tolist() == keys[2:5]
        assert not len(store.select(after=keys[-1]))


def _check_columns(case: _Case) -> None:
    with case.filled() as (store, entries):
        in_memory = Entry(
            replace(record_of("/c/memory"), files=()), case.vectors(1), {"title": "in memory"}
        )
        assert store.write([in_memory]) == ["added"]
        records = store.get(store.select().tolist())
        for name in ("size", "metadata", "added"):
            keys, values = store.column(name)
            assert keys.tolist() == list(records), "all images, in order of their keys"
            known = dict(zip(keys.tolist(), values, strict=True))
            last = known.pop(in_memory.record.key)
            assert name != "added" or last > max(known.values()), "later writes have more"
            assert name != "metadata" or json.loads(last) == {"title": "in memory"}
            assert name != "size" or last == in_memory.record.size
        keys, paths = store.column("path")
        with_files = {entry.record.key: entry.record.files[0] for entry in entries}
        assert dict(zip(keys.tolist(), paths, strict=True)) == {
            key: file.path for key, file in with_files.items()
        }, "an image in memory has no path"
        keys, times = store.column("date")
        assert keys.tolist() == sorted(with_files)
        assert times == [with_files[key].mtime_ns for key in keys.tolist()]


def _check_iter_records(case: _Case) -> None:
    with case.filled() as (store, entries):
        entries.sort(key=lambda entry: entry.record.key)
        for (record, features), entry in zip(store.iter_records(), entries, strict=True):
            assert record == entry.record, "all records, in order of their keys"
            assert_array_equal(features, np.asarray(entry.features), "with their vectors")


def _check_signatures(case: _Case) -> None:
    with case.filled() as (store, entries):
        keys = [entry.record.key for entry in entries]
        assert store.signatures(keys) == {}, "none was given"
        assert store.without_signature([*keys, 12345]) == set(keys), "only of stored images"
        rng = np.random.default_rng(SEED)
        first, second = random_signature(rng), random_signature(rng)
        known = replace(entries[0], features=None, signature=first)
        assert store.write([known]) == ["unchanged"], "a signature changes nothing"
        assert store.write([replace(known, signature=second)]) == ["unchanged"]
        _check_same_signature(store.signatures([keys[0], keys[1], 12345]), keys[0], first)
        new = Entry(record_of("/a/signed"), case.vectors(1), signature=second)
        assert store.write([new, replace(known, signature=None)]) == ["added", "unchanged"]
        _check_same_signature(store.signatures([new.record.key]), new.record.key, second)
        assert store.without_signature([*keys, new.record.key]) == set(keys[1:])
        assert store.statistics().signatures == 2
        store.remove_images(keys[:1])
        assert store.signatures(keys) == {}, "it goes with its image"
        assert store.statistics().signatures == 1


def _check_same_signature(found: dict[int, Signature], key: int, wanted: Signature) -> None:
    assert found.keys() == {key}, "those that have none are left out"
    assert_array_equal(found[key].pattern, wanted.pattern)
    assert_array_equal(found[key].chroma, wanted.chroma)
    assert (found[key].content, found[key].plain) == (wanted.content, wanted.plain)


def _check_local_features(case: _Case) -> None:
    with case.filled() as (store, entries):
        found = store.local_features([*_keys(entries), 12345])
        if store.extractor is None:
            _check_no_local_features(store, found)
            return
        assert found.keys() == _keys(entries)
        for entry in entries:
            own, wanted = found[entry.record.key], entry.local
            assert wanted is not None
            assert_allclose(own.points, wanted.points, atol=1e-4)
            assert_allclose(own.descriptors, wanted.descriptors, atol=0.02)  # 8 bits
            assert store.shortlist(own, 1) == [entry.record.key], "it finds itself"
        assert store.statistics().local_bytes > 0
        store.remove_images([entries[1].record.key])
        assert store.local_features([entries[1].record.key]) == {}, "they go with their image"


def _check_no_local_features(store: Store, found: dict[int, LocalFeatures]) -> None:
    none = LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, 4), np.float32))
    assert found == {}, "there are none without an extractor"
    assert store.shortlist(none, 3) == [], "and so no candidates"
    assert store.statistics().local_bytes == 0


def _keys(entries: list[Entry]) -> set[int]:
    return {entry.record.key for entry in entries}


def _random_local_features(
    rng: np.random.Generator, extractor: Recipe | None
) -> LocalFeatures | None:
    return None if extractor is None else random_local_features(rng, 50, extractor.dim)
