"""One contract suite for each role: for our plug-ins, and for yours.

    def test_my_encoder_keeps_the_contract():
        check_encoder(MyEncoder())

Each raises AssertionError saying what was expected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import IndexDamaged, NotFound
from imagefinder.images.decode import decode
from imagefinder.similarity import dtype, normalized_for, scores, unit
from imagefinder.types import (
    Encoder,
    Entry,
    Extractor,
    Features,
    File,
    Image,
    Index,
    LocalFeatures,
    Measure,
    Recipe,
    Record,
    Resize,
    Store,
    key_of,
)

_SEED = 7


def check_encoder(encoder: Encoder, images: list[Image] | None = None) -> None:
    """Features of the declared kind, the same whatever else is in the batch."""
    _is_frozen_dataclass(encoder)
    fitted = _fitted(encoder.resize, images)
    together = encoder.encode(fitted)
    assert len(together) == len(fitted), "one Features for each image"
    for features in together:
        assert features.ndim == 2, "Features are (n, dim)"
        assert features.shape[1] == encoder.dim, "every row has dim columns"
        assert features.dtype == dtype(encoder.measure), "uint8 for hamming, float32 otherwise"
        assert np.isfinite(features).all(), "no infinity and no NaN"
    for image, features in zip(fitted, together, strict=True):
        (alone,) = encoder.encode([image])
        assert_allclose(alone, features, atol=1e-6, err_msg="alone as in a batch")
    assert encoder.encode([]) == [], "no images, no features"


def check_extractor(extractor: Extractor, images: list[Image] | None = None) -> None:
    """Unit rows, each with its place in the image, the same whatever else is in the batch."""
    _is_frozen_dataclass(extractor)
    assert extractor.measure == "cosine", "descriptors are compared by cosine"
    fitted = _fitted(extractor.resize, images)
    together = extractor.extract(fitted)
    assert len(together) == len(fitted), "one LocalFeatures for each image"
    for found in together:
        descriptors, points = found.descriptors, found.points
        assert descriptors.shape == (len(found), extractor.dim), "descriptors are (n, dim)"
        assert points.shape == (len(found), 2), "points are (n, 2)"
        assert descriptors.dtype == points.dtype == np.float32, "both are float32"
        assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-5, err_msg="unit rows")
        assert ((points >= 0) & (points <= 1)).all(), "points are shares of width and height"
    for image, found in zip(fitted, together, strict=True):
        (alone,) = extractor.extract([image])
        assert_allclose(alone.points, found.points, atol=1e-6, err_msg="alone as in a batch")
        assert_allclose(alone.descriptors, found.descriptors, atol=1e-6, err_msg="alone too")
    assert extractor.extract([]) == [], "no images, no features"


def check_index(make: Callable[[int, Measure], Index], measure: Measure, folder: Path) -> None:
    """Adds, removes, finds, keeps and comes back. For kinds that find all that there is to find."""
    rng = np.random.default_rng(_SEED)
    dim = 16
    vectors = _vectors(rng, 300, dim, measure)
    keys = rng.permutation(300).astype(np.int64)
    queries = _vectors(rng, 4, dim, measure)
    index = make(dim, measure)
    assert index.keys.size == 0, "a new index is empty"
    assert index.search(queries, 3).keys.shape == (4, 0), "an empty index finds nothing"

    for start in range(0, 300, 70):
        index.add(keys[start : start + 70], vectors[start : start + 70])
    assert_array_equal(index.keys, np.arange(300), "keys are given once each, ascending")
    _finds_the_nearest(index, measure, keys, vectors, queries)

    subset = np.array([3, 5, 8, 500])
    chosen = np.isin(keys, subset)
    few = index.search(queries, 10, subset)
    assert_array_equal(np.sort(few.keys), np.tile([3, 5, 8], (4, 1)), "only those among")
    rows = scores(
        measure, normalized_for(measure, queries), normalized_for(measure, vectors[chosen])
    )
    assert_allclose(np.sort(few.scores), np.sort(rows), rtol=1e-5, atol=1e-5)
    assert index.search(queries, 10, subset[:0]).keys.shape == (4, 0), "among none is none"

    index.remove(np.array([5, 17, 299, 1000]))
    stays = ~np.isin(keys, [5, 17, 299])
    _finds_the_nearest(index, measure, keys[stays], vectors[stays], queries)
    assert index.search(queries, 1000).keys.shape == (4, 297), "no more than there are"

    index.save(folder / "index")
    again = make(dim, measure)
    again.load(folder / "index")
    for one in (index, again):
        assert one.pending_bytes == 0, "all is saved"
        _finds_the_nearest(one, measure, keys[stays], vectors[stays], queries)
    again.add(keys[~stays], vectors[~stays])
    again.remove(np.arange(10))
    kept = keys >= 10
    _finds_the_nearest(again, measure, keys[kept], vectors[kept], queries)

    index.remove(index.keys)
    assert index.search(queries, 3).keys.shape == (4, 0), "nothing is left to find"

    (folder / "damaged").write_bytes((folder / "index").read_bytes()[:100])
    try:
        again.load(folder / "damaged")
    except IndexDamaged:
        _finds_the_nearest(again, measure, keys[kept], vectors[kept], queries)
    else:
        raise AssertionError("a damaged file raises IndexDamaged and changes nothing")


def check_store(make: Callable[[Recipe], Store], measure: Measure) -> None:
    """Keeps what it is given, finds it, and lets go of it; local features too, if it keeps such."""
    rng = np.random.default_rng(_SEED)
    dim = 8
    with_two_rows = 3
    recipe = Recipe("test", {"size": 1}, dim, measure)
    store = make(recipe)
    assert len(store) == 0, "a new store is empty"
    assert store.recipe == recipe, "the recipe is kept"
    assert store.search(_vectors(rng, 1, dim, measure), 3).keys.shape == (1, 0)

    entries = [
        Entry(
            _record(f"/a/{number}"),
            _vectors(rng, 1 + (number == with_two_rows), dim, measure),
            local=_local_features(rng, store.extractor),
        )
        for number in range(20)
    ]
    assert store.write(entries) == ["added"] * 20
    assert store.write(entries) == ["unchanged"] * 20, "twice is harmless"
    assert len(store) == 20
    for entry in entries:
        key = entry.record.key
        assert store.has_content(entry.record.sha256)
        assert store.get([key]) == {key: entry.record}, "records come back as they were"
        assert entry.features is not None
        assert_array_equal(store.features(key), entry.features, "and so do vectors")
        nearest = store.search(entry.features, 1).keys[:, 0]
        assert (nearest == key).all() or measure in ("dot", "hamming"), "it finds itself"
    _keeps_local_features(store, entries)

    assert store.get_metadata("calibration") is None, "there are no notes at first"
    store.set_metadata("calibration", "one")
    store.set_metadata("calibration", "another")
    assert store.get_metadata("calibration") == "another", "the last one counts"
    assert store.get_metadata("recipe") is None, "a name of the store's own is another matter"
    store.set_metadata("recipe", "none")
    assert store.recipe == recipe

    second_place = Entry(_record("/a/0", "/b/0"), None, {"title": "a copy"})
    unknown = Entry(_record("/c/none"), None)
    assert store.write([second_place, unknown]) == ["added", "missing"]
    assert [file.path for file in store.get([second_place.record.key]).popitem()[1].files] == [
        "/a/0",
        "/b/0",
    ]
    assert store.get([second_place.record.key]).popitem()[1].metadata == {"title": "a copy"}
    assert len(list(store.iter_paths("/a"))) == 20
    assert list(store.iter_paths("/b")) == ["/b/0"]
    assert list(store.iter_paths("/")) == [*store.iter_paths("/a"), "/b/0"]
    assert store.lookup_paths(["/b/0", "/nowhere"]).keys() == {"/b/0"}

    assert store.remove_files(["/a/0", "/nowhere"]) == 1
    assert store.has_content(second_place.record.sha256), "it still lies in the other place"
    assert store.remove_files(["/b/0"]) == 1
    assert not store.has_content(second_place.record.sha256), "now it lies nowhere"
    assert store.remove_images([entries[1].record.key, 12345]) == 1
    assert len(store) == 18
    assert_array_equal(store.select(), sorted(entry.record.key for entry in entries[2:]))
    assert store.local_features([entries[1].record.key]) == {}, "they go with their image"
    found = store.search(_vectors(rng, 1, dim, measure), 100).keys
    assert set(found.ravel()) == {entry.record.key for entry in entries[2:]}
    chosen = np.array([entry.record.key for entry in entries[:9]])
    found = store.search(_vectors(rng, 2, dim, measure), 100, None, chosen).keys
    assert set(found.ravel()) == set(chosen[2:]), "only those among, all that there are"
    assert set(store.select(["/a/5", "/nowhere"])) == {entries[5].record.key}
    assert set(store.select(["/a/"])) == {entry.record.key for entry in entries[2:]}
    store.write([replace(entries[7], metadata={"colour": "red", "size": 2})])
    assert set(store.select(where={"colour": "red", "size": 2})) == {entries[7].record.key}
    assert not len(store.select(["/a/5"], {"colour": "red"})), "both must hold"
    assert not len(store.select(where={"colour": 2})), "another value is another"
    keys = store.select().tolist()
    assert store.select(after=keys[1], limit=3).tolist() == keys[2:5]
    assert not len(store.select(after=keys[-1]))
    try:
        store.features(12345)
    except NotFound:
        pass
    else:
        raise AssertionError("features of no image raise NotFound")
    assert store.statistics().images == 18
    assert store.statistics().vectors == 19
    left = sorted(entries[2:], key=lambda entry: entry.record.key)
    for (record, features), entry in zip(store.iter_records(), left, strict=True):
        assert record.key == entry.record.key, "all records, in order of their keys"
        assert_array_equal(features, np.asarray(entry.features), "with their vectors")
    store.close()
    store.close()


def random_entries(
    count: int, dim: int, measure: Measure = "cosine", first: int = 0
) -> list[Entry]:
    """Images that nobody has, with vectors at random; those of the same numbers are the same."""
    numbers = range(first, first + count)
    rng = np.random.default_rng([_SEED, first])
    return [Entry(_record(f"/random/{one}"), _vectors(rng, 1, dim, measure)) for one in numbers]


def _keeps_local_features(store: Store, entries: list[Entry]) -> None:
    """All that it was given, in 8 bits a number at the least; nothing without an extractor."""
    every = [entry.record.key for entry in entries]
    assert_array_equal(store.select(), sorted(every), "every image's key, ascending")
    kept = store.local_features([*every, 12345])
    if store.extractor is None:
        nothing = LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, 4), np.float32))
        assert kept == {}, "there are none without an extractor"
        assert store.shortlist(nothing, 3) == [], "and nothing is like them"
        assert store.statistics().local_bytes == 0
        return
    assert set(kept) == set(every)
    for entry in entries:
        given, found = entry.local, kept[entry.record.key]
        assert given is not None
        assert_allclose(found.points, given.points, atol=1e-4)
        assert_allclose(found.descriptors, given.descriptors, atol=0.02)
        assert store.shortlist(found, 1) == [entry.record.key], "it finds itself by them"
    assert store.statistics().local_bytes > 0


def _local_features(rng: np.random.Generator, extractor: Recipe | None) -> LocalFeatures | None:
    if extractor is None:
        return None
    descriptors = rng.standard_normal((50, extractor.dim)).astype(np.float32)
    return LocalFeatures(rng.random((50, 2)).astype(np.float32), unit(descriptors))


def _is_frozen_dataclass(maker: Encoder | Extractor) -> None:
    assert is_dataclass(maker), "it is a dataclass: its fields are its recipe"
    for option in fields(maker):
        try:
            setattr(maker, option.name, None)
        except FrozenInstanceError:
            continue
        raise AssertionError("it is frozen: what it computes cannot change")


def _fitted(resize: Resize, images: list[Image] | None) -> list[Image]:
    """The images, or else noise and a blank, as it wants them."""
    noise = np.random.default_rng(_SEED).integers(0, 256, (3, 90, 120, 3), np.uint8)
    blank = np.full((50, 40, 3), 128, np.uint8)
    return [decode(image, resize).pixels for image in (images or [*noise, blank])]


def _finds_the_nearest(
    index: Index, measure: Measure, keys: np.ndarray, vectors: Features, queries: Features
) -> None:
    """Compares with a sort of everything; where scores are equal, keys decide."""
    found = index.search(queries, 10)
    every = scores(measure, normalized_for(measure, queries), normalized_for(measure, vectors))
    for line, wanted in enumerate(every):
        order = np.lexsort((keys, -wanted))[:10]
        assert_allclose(found.scores[line], wanted[order], atol=1e-5, err_msg="the best scores")
        assert_array_equal(found.keys[line], keys[order], "ties in order of their keys")


def _vectors(rng: np.random.Generator, rows: int, dim: int, measure: Measure) -> Features:
    if measure == "hamming":
        return rng.integers(0, 256, (rows, dim), np.uint8)
    return rng.standard_normal((rows, dim)).astype(np.float32)


def _record(*paths: str) -> Record:
    sha256 = hashlib.sha256(paths[0].encode()).digest()
    files = tuple(File(path, 123) for path in paths)
    return Record(key_of(sha256), sha256, size=10, width=4, height=3, files=files)
