"""Copies of whole catalogues: equal, resumed wherever they were interrupted, and refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder import CatalogueExists, CatalogueMissing, Finder, ModelError, StoreError
from imagefinder.catalogue import copying
from imagefinder.catalogue.comparison import (
    compare_catalogues,
    different_properties,
    digest,
    open_snapshot,
    paired,
)
from imagefinder.encoders.pca import PcaProjection
from imagefinder.encoders.regions import Regions
from imagefinder.errors import DiskFull, NotACatalogue, UnfinishedCopy
from imagefinder.near_duplicates.decisions import decisions, remember
from imagefinder.registry import recipes
from imagefinder.registry.factory import make_encoder, make_extractor, recipe_of
from imagefinder.stores.opening import begin_copy
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.properties import set_property
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts import random_entries
from imagefinder.testing.contracts.samples import record_of
from imagefinder.types import Entry, File, IndexChoice, Properties, Recipe, Record, StoredImage

from ..conftest import drawn

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")
IMAGES = 300


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with closing(SqliteStore.create(tmp_path / "a.db", RECIPE)) as store:
        store.write(random_entries(IMAGES, DIM))
    return tmp_path / "a.db"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "b.db"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_BATCH", 20)


def after(count: int) -> Any:
    """A progress that is interrupted once so many images have passed."""

    def interrupted(images: Iterable[Any]) -> Iterator[Any]:
        for number, image in enumerate(images):
            if number == count:
                raise KeyboardInterrupt
            yield image

    return interrupted


def stored(location: Any) -> list[StoredImage]:
    with open_snapshot(location) as snapshot:
        return snapshot.page(-1, 10**6)


def fit_codebook(finder: Finder) -> None:
    (local, *_) = finder.store.local_features(finder.store.select().tolist()).values()
    finder.store.shortlist(local, 1)


def codebook(location: Any) -> bytes:
    """That local features are aggregated by, without the header that names the catalogue."""
    with open_snapshot(location) as snapshot:
        assert snapshot.properties.codebook is not None
        return snapshot.properties.codebook.partition(b"\n")[2]


def test_a_copy_answers_as_the_catalogue_does(tmp_path: Path, target: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(6):
        PIL.Image.fromarray(drawn(number)).save(tmp_path / "images" / f"{number}.png")
    sift = make_extractor("sift", {"features": 20, "side": 64})
    with Finder.create(tmp_path / "a.db", "classic", local=sift, regions=2) as finder:
        finder.add(tmp_path / "images", metadata={"lot": 7})
        finder.exclude(["*.tif"])
        finder.use_index("hnsw", {"connectivity": 8})
        remember(finder.store, [str(tmp_path / "images" / f"{number}.png") for number in (0, 1)])
        finder.store.set_metadata("calibration cosine", "a text")
        hits = finder.search(drawn(2), k=6, rerank="mutual")
        fit_codebook(finder)
        report = Finder.copy(tmp_path / "a.db", target)
        assert report.comparison.is_equal
        assert (report.written, report.comparison.images, report.notes) == (6, (6, 6), [])
        assert codebook(target) == codebook(tmp_path / "a.db")
        with Finder.open(target) as copied:
            assert copied.excluded == ["*.tif"]
            assert copied.store.index == IndexChoice("hnsw", {"connectivity": 8})
            assert decisions(copied.store) == decisions(finder.store)
            assert copied.store.get_metadata("calibration cosine") == "a text"
            assert list(copied.search(drawn(2), k=6, rerank="mutual")) == list(hits)
            assert copied.sync(tmp_path / "images").unchanged == 6
    assert Finder.check(target) == []


def test_the_source_is_not_changed(source: Path, target: Path) -> None:
    before = source.read_bytes()
    copying.copy(source, target)
    assert source.read_bytes() == before
    assert {file.name for file in source.parent.iterdir()} == {"a.db", "b.db"}


def test_a_catalogue_of_an_earlier_schema_stays_one(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "old.db"
    with closing(apsw.Connection(str(source))) as file:
        file.execute(schema.MIGRATIONS[0])
        set_up = "INSERT INTO catalogue (name, value) VALUES ('id', 'old'), ('recipe', ?)"
        file.execute(set_up, (recipes.to_json(RECIPE),))
        (entry,) = random_entries(1, DIM)
        key, sha256 = entry.record.key, entry.record.sha256
        file.execute("INSERT INTO images VALUES (?, ?, 10, 4, 3, '{}', 0)", (key, sha256))
        file.execute("INSERT INTO files VALUES ('/random/0', ?, 123)", (key,))
        assert entry.features is not None
        file.execute("INSERT INTO vectors VALUES (?, 0, ?)", (key, entry.features.tobytes()))
        file.pragma("application_id", schema.APPLICATION_ID)
        file.pragma("user_version", 1)
    before = source.read_bytes()
    assert copying.copy(source, target).comparison.is_equal
    with pytest.raises(CatalogueExists):
        copying.copy(target, source)
    assert source.read_bytes() == before
    with closing(SqliteStore.open(target)) as store:
        assert store.get([key]) == {key: entry.record}


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_copy_goes_on(source: Path, target: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, after(130))
    with pytest.raises(UnfinishedCopy, match=r"run imagefinder copy \S+a.db \S+b.db again"):
        Finder.open(target)
    with pytest.raises(UnfinishedCopy):
        Finder.check(target)
    report = copying.copy(source, target)
    assert (report.written, report.comparison.images) == (IMAGES - 120, (IMAGES, IMAGES))
    assert report.comparison.is_equal
    assert stored(target) == stored(source)


@pytest.mark.usefixtures("small_batches")
def test_a_copy_interrupted_while_it_compares_goes_on(source: Path, target: Path) -> None:
    steps = iter([iter, after(5)])
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, lambda images: next(steps)(images))
    with pytest.raises(UnfinishedCopy):
        Finder.open(target)
    report = copying.copy(source, target)
    assert (report.written, report.comparison.is_equal) == (0, True)


def test_a_copy_that_was_killed_goes_on(source: Path, target: Path) -> None:
    """By SIGKILL, in the midst of a transaction."""
    program = (
        "import os, signal, sys; from imagefinder.catalogue import copying;"
        "from imagefinder.stores.sqlite import copying as rows;"
        "copying._BATCH = 50; before = rows._write_files; calls = []\n"
        "def die(*given):\n"
        "    calls.append(1); before(*given)\n"
        "    if len(calls) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "rows._write_files = die; copying.copy(sys.argv[1], sys.argv[2])"
    )
    ended = subprocess.run([sys.executable, "-c", program, source, target], check=False)
    assert ended.returncode == -signal.SIGKILL
    report = copying.copy(source, target)
    assert (report.written, report.comparison.is_equal) == (IMAGES - 100, True)
    assert stored(target) == stored(source)


@pytest.mark.usefixtures("small_batches")
def test_it_follows_what_was_written_between_two_runs(source: Path, target: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, after(200))
    with closing(SqliteStore.open(source)) as store:
        keys = store.select().tolist()
        paths = [store.get([key])[key].path or "" for key in keys]
        store.remove_images(keys[:30])
        moved = replace(record_of("/new"), files=(File(paths[40], 1),))
        new = random_entries(20, DIM, first=5000)
        store.write([*new, Entry(moved, new[0].features)])
        store.write([Entry(store.get([keys[50]])[keys[50]], None, {"a": "changed"})])
        store.set_metadata("note", "new")
    report = copying.copy(source, target)
    assert report.comparison.is_equal
    assert stored(target) == stored(source)
    assert len(stored(target)) == IMAGES - 30 - 1 + 21


def test_it_has_what_was_there_when_it_began(source: Path, target: Path) -> None:
    before = stored(source)

    def writing(images: Iterable[Any]) -> Iterator[Any]:
        with closing(SqliteStore.open(source)) as store:
            store.write(random_entries(50, DIM, first=1000))
            store.remove_images([before[0].record.key])
        yield from images

    report = copying.copy(source, target, writing)
    assert report.comparison.is_equal
    assert stored(target) == before


def test_nothing_is_overwritten(source: Path, target: Path, tmp_path: Path) -> None:
    with closing(SqliteStore.create(target, RECIPE)) as store:
        store.write(random_entries(1, DIM))
    text = tmp_path / "text.db"
    text.write_text("a text of mine, which is no database" * 100)
    with closing(apsw.Connection(str(tmp_path / "foreign.db"))) as file:
        file.execute("CREATE TABLE mine (a)")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    for path, error, said in (
        (target, CatalogueExists, "choose another name, or remove it first"),
        (source, CatalogueExists, "is a catalogue already"),
        (text, NotACatalogue, "text.db is not an ImageFinder catalogue"),
        (tmp_path / "foreign.db", NotACatalogue, "but not an ImageFinder catalogue"),
        (tmp_path / "none" / "b.db", StoreError, "there is no folder"),
    ):
        with pytest.raises(error, match=said):
            copying.copy(source, path)
    with pytest.raises(CatalogueMissing):
        copying.copy(tmp_path / "none.db", tmp_path / "new.db")
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_the_beginning_of_another_copy_is_refused(source: Path, target: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, after(1))
    other = source.with_name("other.db")
    SqliteStore.create(other, RECIPE).close()
    with pytest.raises(StoreError, match=r"unfinished copy of another catalogue, \S+a.db"):
        copying.copy(other, target)
    with pytest.raises(UnfinishedCopy):  # and so cannot be copied itself
        copying.copy(target, source.with_name("c.db"))
    moved = source.rename(source.with_name("moved.db"))
    assert copying.copy(moved, target).comparison.is_equal


def test_earlier_versions_do_not_take_an_unfinished_copy_for_a_catalogue(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, after(1))
    monkeypatch.setattr(
        "imagefinder.stores.sqlite.preparation.properties.get_origin", lambda _: None
    )
    with pytest.raises(StoreError):
        SqliteStore.open(target)


def test_a_copy_that_is_not_equal_stays_unfinished(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if another program kept writing to it."""
    monkeypatch.setattr("imagefinder.catalogue.copying._Batch.flush", lambda _: None)
    report = copying.copy(source, target)
    assert (report.comparison.is_equal, report.comparison.images) == (False, (IMAGES, 0))
    assert report.comparison.differing == IMAGES
    assert {one.what for one in report.comparison.differences} == {"only in the first"}
    with pytest.raises(UnfinishedCopy):
        Finder.open(target)


def test_a_comparison_says_what_differs(source: Path, target: Path) -> None:
    copying.copy(source, target)
    assert compare_catalogues(source, target).is_equal
    with closing(SqliteStore.open(target)) as store:
        keys = store.select().tolist()
        store.remove_images(keys[:1])
        records = store.get(keys)
        store.write([Entry(records[keys[1]], None, {"a": 1})])
        copy = replace(records[keys[2]], files=(File("/another", 1),))
        store.write([Entry(copy, None), *random_entries(1, DIM, first=7777)])
        store.write([Entry(replace(records[keys[3]], files=()), None)])
        store.set_metadata("note", "another")
    found = compare_catalogues(source, target)
    assert not found.is_equal
    assert sorted(one.what for one in found.differences) == [
        "files",
        "in memory",
        "metadata",
        "only in the first",
        "only in the second",
    ]
    assert (found.differing, found.images, found.properties) == (5, (IMAGES, IMAGES), ("metadata",))
    assert found.checksums[0] != found.checksums[1]


def make_reduced(path: Path, regions: int | None = None) -> Path:
    """A catalogue whose vectors are reduced by a projection beside it; the projection."""
    recipe = recipe_of(make_encoder("classic"))
    axes = np.random.default_rng(2).standard_normal((recipe.dim, 4), np.float32)
    file = path.with_name(f"{path.name}.pca.npz")
    file.write_bytes(PcaProjection(recipe, np.zeros(recipe.dim, np.float32), axes).to_bytes())
    with Finder.create(path, f"reduced:{file}", regions=regions) as finder:
        finder.add([drawn(number) for number in range(3)])
    return file


def test_a_projection_comes_along(tmp_path: Path, target: Path) -> None:
    for regions in (None, 2):
        projection = make_reduced(tmp_path / "small.db", regions)
        target.with_name(f"{target.name}.pca.npz").write_bytes(b"another's")
        with pytest.raises(StoreError, match="a catalogue may need it"):
            copying.copy(tmp_path / "small.db", target)
        target.with_name(f"{target.name}.pca.npz").unlink()
        assert not target.exists()
        report = copying.copy(tmp_path / "small.db", target)
        assert (report.comparison.is_equal, report.notes) == (True, [])
        projection.unlink()
        with Finder.open(target) as copied:
            inner = copied.encoder.base if isinstance(copied.encoder, Regions) else copied.encoder
            assert str(target) in str(inner)
            assert copied.search(drawn(1), k=1)[0].score > 0.99
        for file in tmp_path.glob("*.db*"):
            file.unlink()


def test_a_projection_that_is_lost_is_said(tmp_path: Path, target: Path) -> None:
    make_reduced(tmp_path / "small.db").unlink()
    (note,) = copying.copy(tmp_path / "small.db", target).notes
    assert "small.db.pca.npz cannot be read" in note
    with pytest.raises(ModelError):
        Finder.open(target)


def test_an_index_that_the_copy_cannot_have_is_said(source: Path, target: Path) -> None:
    with closing(SqliteStore.open(source)) as store, store._connections.writing() as connection:
        choice = recipes.choice_to_json(IndexChoice("of_another_store"))
        set_property(connection, "index", choice)
    report = copying.copy(source, target)
    assert report.comparison.is_equal
    (note,) = report.notes
    assert note.startswith("the index of_another_store cannot be used in the copy")
    with closing(SqliteStore.open(target)) as store:
        assert store.index == IndexChoice()


def test_a_full_disk_loses_nothing(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*given: Any) -> Any:
        made: Any = begin_copy(*given)
        made._connections._writer.pragma("max_page_count", 30)
        return made

    monkeypatch.setattr(copying, "_BATCH", 20)
    monkeypatch.setattr(copying, "begin_copy", begin)
    with pytest.raises(DiskFull, match="free some space and try again"):
        copying.copy(source, target)
    monkeypatch.setattr(copying, "begin_copy", begin_copy)
    report = copying.copy(source, target)
    assert report.comparison.is_equal
    assert 0 < report.written < IMAGES


@pytest.mark.parametrize("damage", [b"", b"no codebook", b'{"format": "imagefinder cache"}'])
def test_a_damaged_codebook_is_left_out(tmp_path: Path, target: Path, damage: bytes) -> None:
    with Finder.create(tmp_path / "a.db", "classic", local="sift") as finder:
        finder.add([drawn(number) for number in range(3)])
        fit_codebook(finder)
    (file,) = tmp_path.glob("a.db.vlad-????????")
    file.write_bytes(damage)
    assert copying.copy(tmp_path / "a.db", target).comparison.is_equal
    with open_snapshot(target) as snapshot:
        assert snapshot.properties.codebook is None


keys = st.sets(st.integers(0, 20))


@given(keys, keys)
def test_images_of_the_same_key_are_paired(ones: set[int], others: set[int]) -> None:
    def images(keys: set[int]) -> list[StoredImage]:
        return [StoredImage(Record(key, b"", 1, 1, 1), False, b"") for key in sorted(keys)]

    found = list(paired(images(ones), images(others)))
    assert [key for key, *_ in found] == sorted(ones | others)
    for key, *pair in found:
        assert [image is not None for image in pair] == [key in ones, key in others]
        assert {image.record.key for image in pair if image} == {key}


IMAGE = StoredImage(Record(1, b"1" * 32, 2, 3, 4, (File("/a", 5),)), False, b"12345678")
OTHERS = (
    replace(IMAGE, in_memory=True),
    replace(IMAGE, vectors=b"1234"),
    replace(IMAGE, vectors=b""),
    replace(IMAGE, other_vectors=b""),
    replace(IMAGE, local=b""),
    replace(IMAGE, signature=b""),
    replace(IMAGE, vectors=b"1234", signature=b"5678"),
    *(
        replace(IMAGE, record=record)
        for record in (
            replace(IMAGE.record, sha256=b"2" * 32),
            replace(IMAGE.record, size=9),
            replace(IMAGE.record, width=9),
            replace(IMAGE.record, files=()),
            replace(IMAGE.record, files=(File("/a", 6),)),
            replace(IMAGE.record, files=(File("/a", 5, "uploaded"),)),
            replace(IMAGE.record, metadata={"a": 1}),
            replace(IMAGE.record, metadata={"a": True}),
            replace(IMAGE.record, metadata={"a": "1"}),
        )
    ),
)


def test_checksums_are_of_all_that_is_stored() -> None:
    digests = {digest(image) for image in (IMAGE, *OTHERS)}
    assert len(digests) == 1 + len(OTHERS)
    ordered, turned = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert len({digest(_with(metadata)) for metadata in (ordered, turned)}) == 1
    files = (File("/a", 1), File("/b", 2))
    records = (replace(IMAGE.record, files=each) for each in (files, files[::-1]))
    assert len({digest(replace(IMAGE, record=record)) for record in records}) == 1


def _with(metadata: dict[str, Any]) -> StoredImage:
    return replace(IMAGE, record=replace(IMAGE.record, metadata=metadata))


def test_the_kind_of_index_is_no_difference() -> None:
    one = Properties("1", RECIPE, None, IndexChoice(), {})
    assert different_properties(one, replace(one, id="2", index=IndexChoice("hnsw"))) == ()
    assert different_properties(one, replace(one, metadata={"a": "b"})) == ("metadata",)
