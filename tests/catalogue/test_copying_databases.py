"""Copies between files and databases: the same there and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import PIL.Image
import pytest
from tests.postgres_server import Server

from imagefinder import CatalogueExists, Finder, StoreError
from imagefinder.catalogue import copying
from imagefinder.catalogue.comparison import compare_catalogues
from imagefinder.errors import UnfinishedCopy
from imagefinder.near_duplicates.decisions import decisions, remember
from imagefinder.registry.factory import make_extractor
from imagefinder.stores.opening import open_store
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts import random_entries
from imagefinder.testing.contracts.samples import random_signature
from imagefinder.types import Entry, IndexChoice, Recipe

from ..conftest import drawn
from .test_copying import codebook, fit_codebook, make_reduced, stored

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")
IMAGES = 200
METADATA = {
    "z": [1, 2.5, None, True, {"nested": "größe"}],
    "a": "a text with \0 and 😀 and \\u0000",
    "large": 10**30,
    "exponent": 1e22,
    "tiny": 5e-324,
    "one": 1.0,
}

pytestmark = pytest.mark.usefixtures("caches")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with closing(SqliteStore.create(tmp_path / "a.db", RECIPE)) as store:
        first, *others = random_entries(IMAGES, DIM)
        store.write([replace(first, metadata=METADATA), *others])
    return tmp_path / "a.db"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_BATCH", 20)


def at(count: int, do: Callable[[], object]) -> Any:
    """A progress that does something once so many images have passed."""

    def doing(images: Iterable[Any]) -> Iterator[Any]:
        for number, image in enumerate(images):
            if number == count:
                do()
            yield image

    return doing


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_catalogue_is_the_same_there_and_back(tmp_path: Path, postgres: Server) -> None:
    (tmp_path / "images").mkdir()
    for number in range(6):
        PIL.Image.fromarray(drawn(number)).save(tmp_path / "images" / f"{number}.png")
    sift, url = make_extractor("sift", {"features": 20, "side": 64}), postgres.url()
    with Finder.create(tmp_path / "a.db", "classic", local=sift, regions=2) as finder:
        finder.add([*(tmp_path / "images").iterdir(), drawn(9)], metadata=METADATA)
        finder.exclude(["*.tif"])
        finder.use_index("hnsw", {"connectivity": 8})
        remember(finder.store, [str(tmp_path / "images" / f"{number}.png") for number in (0, 1)])
        upgrade = finder.store.begin_upgrade(Recipe("other", {}, 3, "l2"))  # type: ignore[attr-defined]
        upgrade.write({int(finder.store.select()[2]): random_entries(1, 3)[0].features})
        hits = list(finder.search(drawn(2), k=7, rerank="mutual"))
        fit_codebook(finder)
        report = Finder.copy(tmp_path / "a.db", url)
        assert (report.written, report.comparison.is_equal, report.notes) == (7, True, [])
        assert codebook(url) == codebook(tmp_path / "a.db")
        with Finder.open(url) as copied:
            assert list(copied.search(drawn(2), k=7, rerank="mutual")) == hits
            assert copied.excluded == ["*.tif"]
            assert decisions(copied.store) == decisions(finder.store)
            assert copied.store.index == IndexChoice("hnsw", {"connectivity": 8})
            assert copied.sync(tmp_path / "images").unchanged == 6
        assert Finder.check(url) == []
    again, back = postgres.url(), tmp_path / "back.db"
    assert Finder.copy(url, again).comparison.is_equal
    assert Finder.copy(again, back).comparison.is_equal
    assert stored(back) == stored(tmp_path / "a.db")
    assert compare_catalogues(tmp_path / "a.db", back).is_equal
    names = [list(image.record.metadata) for image in stored(back)]
    assert names == [list(METADATA)] * 7, "in the same order"


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_copy_goes_on(source: Path, postgres: Server) -> None:
    url = postgres.url().replace("postgres@", "postgres:secret@")
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, url, at(110, interrupt))
    with pytest.raises(
        UnfinishedCopy, match=r"run imagefinder copy \S+a.db 'post\S+' again"
    ) as raised:
        Finder.open(url)
    assert "secret" not in str(raised.value)
    other = source.with_name("other.db")
    SqliteStore.create(other, RECIPE).close()
    with pytest.raises(StoreError, match="an unfinished copy of another catalogue"):
        copying.copy(other, url)
    with closing(open_store(source)) as store:
        keys = store.select().tolist()
        store.remove_images(keys[:10])
        signed = Entry(
            store.get(keys[20:21])[keys[20]],
            None,
            signature=random_signature(np.random.default_rng(3)),
        )
        store.write([signed, *random_entries(5, DIM, first=999)])
    report = copying.copy(source, url)
    assert report.comparison.is_equal
    assert stored(url) == stored(source)
    with pytest.raises(CatalogueExists, match="is a catalogue already") as exists:
        copying.copy(source, url)
    assert "secret" not in str(exists.value)


@pytest.mark.usefixtures("small_batches")
def test_a_source_in_a_database_is_remembered_without_its_password(
    source: Path, postgres: Server, tmp_path: Path
) -> None:
    url = postgres.url().replace("postgres@", "postgres:secret@")
    copying.copy(source, url)
    with pytest.raises(KeyboardInterrupt):
        copying.copy(url, tmp_path / "b.db", at(50, interrupt))
    with pytest.raises(UnfinishedCopy) as raised:
        Finder.open(tmp_path / "b.db")
    assert "secret" not in str(raised.value)
    assert b"secret" not in (tmp_path / "b.db").read_bytes()
    assert copying.copy(url, tmp_path / "b.db").comparison.is_equal


@pytest.mark.usefixtures("small_batches")
def test_a_lost_connection_loses_nothing(source: Path, postgres: Server, tmp_path: Path) -> None:
    def kill() -> None:
        postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'imagefinder'"
        )

    url, back = postgres.url(), tmp_path / "b.db"
    report = copying.copy(source, url, at(90, kill))
    assert (report.written, report.comparison.is_equal) == (IMAGES, True), "it is tried again"
    with pytest.raises(StoreError, match="cannot be reached, or the connection broke off"):
        copying.copy(url, back, at(90, kill))
    with pytest.raises(UnfinishedCopy):
        Finder.open(back)
    report = copying.copy(url, back)
    assert report.comparison.is_equal
    assert report.written < IMAGES
    assert stored(back) == stored(source)


@pytest.mark.usefixtures("small_batches")
def test_two_copies_at_a_time_make_one(source: Path, postgres: Server) -> None:
    url = postgres.url()
    outcomes: list[bool | str] = []

    def copy() -> None:
        try:
            outcomes.append(copying.copy(source, url).comparison.is_equal)
        except StoreError as error:
            outcomes.append(str(error))

    threads = [Thread(target=copy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert True in outcomes
    for outcome in set(outcomes) - {True}:
        assert re.search("another program has finished this copy|already", str(outcome))
    assert stored(url) == stored(source)


def test_a_schema_with_other_tables_stays_as_it_is(source: Path, postgres: Server) -> None:
    postgres.sql("CREATE SCHEMA taken; CREATE TABLE taken.mine (a int)")
    with pytest.raises(StoreError, match="choose another name after #"):
        copying.copy(source, postgres.url("taken"))


def test_a_graph_in_the_database_comes_along_to_another(
    source: Path, postgres: Server, tmp_path: Path
) -> None:
    first, second = postgres.url(), postgres.url()
    copying.copy(source, first)
    with closing(open_store(first)) as store:
        store.use_index(IndexChoice("pgvector-hnsw", {"m": 8}))
    assert copying.copy(first, second).notes == []
    with closing(open_store(second)) as store:
        assert store.index == IndexChoice("pgvector-hnsw", {"m": 8})
        key = int(store.select()[0])
        assert store.search(store.features(key), 1).keys.tolist() == [[key]]
    (note,) = copying.copy(second, tmp_path / "b.db").notes
    assert note.startswith("the index pgvector-hnsw cannot be used in the copy")


def test_reading_suffices_for_a_source(source: Path, postgres: Server, tmp_path: Path) -> None:
    url = postgres.url()
    copying.copy(source, url)
    name = url.partition("#")[2]
    postgres.sql(
        f'CREATE ROLE copier LOGIN; GRANT USAGE ON SCHEMA "{name}" TO copier;'
        f' GRANT SELECT ON ALL TABLES IN SCHEMA "{name}" TO copier'
    )
    reader = postgres.url(name, user="copier")
    assert copying.copy(reader, tmp_path / "b.db").comparison.is_equal
    with pytest.raises(StoreError, match="this user may not make a schema"):
        copying.copy(source, postgres.url(user="copier"))


def test_where_the_projection_is_needed_is_said(tmp_path: Path, postgres: Server) -> None:
    projection, url = make_reduced(tmp_path / "small.db"), postgres.url()
    (note,) = copying.copy(tmp_path / "small.db", url).notes
    assert "searches in the copy need" in note
    with Finder.open(url) as copied:
        assert copied.search(drawn(1), k=1)[0].score > 0.99
    assert copying.copy(url, tmp_path / "back.db").notes == []
    projection.unlink()
    Finder.open(tmp_path / "back.db").close()
