"""The SQLite store: what it keeps, refuses and repairs, and its caches."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import (
    CatalogueExists,
    CatalogueMissing,
    ImageError,
    NewerCatalogue,
    NotACatalogue,
    PluginError,
    StoreError,
)
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.types import Entry, Features, File, IndexChoice, Measure, Recipe, Record, key_of

DIM = 8
MEASURES: tuple[Measure, ...] = ("cosine", "l2", "hamming")
EXACT, SCAN = IndexChoice("exact"), IndexChoice("sqlite-vec")


def recipe(measure: Measure = "cosine", dim: int = DIM) -> Recipe:
    return Recipe("test", {"size": 3, "mean": [0.5, 0.5]}, dim, measure, {"path": "/somewhere"})


def record(name: str, *, paths: tuple[str, ...] | None = None) -> Record:
    sha256 = hashlib.sha256(name.encode()).digest()
    files = tuple(File(path, 1) for path in ((name,) if paths is None else paths))
    return Record(key_of(sha256), sha256, 10, 4, 3, files)


def rows(seed: int, count: int = 1, measure: Measure = "cosine") -> Features:
    rng = np.random.default_rng(seed)
    if measure == "hamming":
        return rng.integers(0, 256, (count, DIM), np.uint8)
    return rng.standard_normal((count, DIM)).astype(np.float32)


def fill(store: SqliteStore, count: int, measure: Measure = "cosine", first: int = 0) -> None:
    numbers = range(first, first + count)
    store.write([Entry(record(f"/p/{n}"), rows(n, measure=measure)) for n in numbers])


def test_a_catalogue_opens_with_all_that_was_written(tmp_path: Path) -> None:
    with_metadata = Entry(record("/p/ünï cödé.jpg"), rows(1), {"title": "Ça va", "year": 1999})
    store = SqliteStore.create(tmp_path / "c.db", recipe(), EXACT)
    store.write([with_metadata])
    store.close()
    again = SqliteStore.open(tmp_path / "c.db", EXACT)
    assert again.recipe == recipe()
    assert again.recipe.runtime == {"path": "/somewhere"}
    (found,) = again.get([with_metadata.record.key]).values()
    assert found.metadata == {"title": "Ça va", "year": 1999}
    assert found.files == with_metadata.record.files
    again.close()


@pytest.mark.parametrize(
    "content", [b"just text, and not a database at all" * 200, b"SQLite format 3\0"]
)
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.db"
    path.write_bytes(content)
    for attempt in (SqliteStore.open, partial(SqliteStore.create, recipe=recipe())):
        with pytest.raises((NotACatalogue, StoreError), match=r"c\.db"):
            attempt(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(NotACatalogue, match="not an ImageFinder catalogue"):
        SqliteStore.open(path)
    with pytest.raises(NotACatalogue, match="not an ImageFinder catalogue"):
        SqliteStore.create(path, recipe())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_later_schema_is_refused_with_the_remedy(tmp_path: Path) -> None:
    SqliteStore.create(tmp_path / "c.db", recipe()).close()
    with sqlite3.connect(tmp_path / "c.db") as later:
        later.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    later.close()
    with pytest.raises(NewerCatalogue, match="pip install -U"):
        SqliteStore.open(tmp_path / "c.db")


def test_a_missing_catalogue_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogueMissing, match="imagefinder add"):
        SqliteStore.open(tmp_path / "c.db")
    assert list(tmp_path.iterdir()) == []


def test_no_catalogue_is_made_over_another_or_in_a_missing_folder(tmp_path: Path) -> None:
    SqliteStore.create(tmp_path / "c.db", recipe()).close()
    with pytest.raises(CatalogueExists):
        SqliteStore.create(tmp_path / "c.db", recipe())
    with pytest.raises(StoreError, match="no folder"):
        SqliteStore.create(tmp_path / "nowhere" / "c.db", recipe())


def test_a_creation_that_was_cut_short_is_no_catalogue_yet(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    apsw.Connection(str(path)).pragma("journal_mode", "WAL")  # all that had been done
    assert path.stat().st_size > 0
    assert not SqliteStore.exists(path)
    SqliteStore.create(path, recipe()).close()
    assert SqliteStore.exists(path)


def test_two_contents_with_one_key_are_told_apart(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    ours = record("/p/1")
    store.write([Entry(ours, rows(1))])
    twin = ours.sha256[:8] + bytes(24)
    with pytest.raises(ImageError, match="belongs to another image"):
        store.has_content(twin)
    store.close()


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    wrong = np.zeros((1, DIM + 1), np.float32)
    with pytest.raises(StoreError, match="vectors"):
        store.write([Entry(record("/p/1"), rows(1)), Entry(record("/p/2"), wrong)])
    assert len(store) == 0
    store.close()


def test_a_full_disk_says_so_and_costs_nothing(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    fill(store, 5)
    with store._connections.writing() as writer:
        writer.pragma("max_page_count", writer.pragma("page_count") + 1)
    with pytest.raises(StoreError, match="disk is full"):
        fill(store, 2000, first=100)
    assert len(store) == 5
    store.close()


def test_a_path_whose_content_changed_leaves_no_orphan(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    store.write([Entry(record("one", paths=("/a",)), rows(1))])
    store.write([Entry(record("two", paths=("/a",)), rows(2))])
    assert store.get([record("one").key]) == {}
    assert store.statistics().vectors == 1
    store.close()


def test_contents_that_change_places_in_one_batch_are_kept(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    fill_one, fill_two = record("one", paths=("/a",)), record("two", paths=("/b",))
    store.write([Entry(fill_one, rows(1)), Entry(fill_two, rows(2))])
    swapped = [Entry(record("one", paths=("/b",)), None), Entry(record("two", paths=("/a",)), None)]
    assert store.write(swapped) == ["updated", "updated"]
    assert {r.path for r in store.get([fill_one.key, fill_two.key]).values()} == {"/a", "/b"}
    store.close()


def test_paths_of_a_folder_are_not_those_of_its_namesakes(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    paths = ["/p/a", "/p/a b/c", "/p/a/1", "/p/a/b/2", "/p/a0", "/p/%/3", "/q"]
    store.write([Entry(record(path), rows(1)) for path in paths])
    assert list(store.iter_paths("/p/a")) == ["/p/a/1", "/p/a/b/2"]
    assert list(store.iter_paths("/p/a/")) == ["/p/a/1", "/p/a/b/2"]
    assert list(store.iter_paths("/p/%")) == ["/p/%/3"]
    store.close()


@pytest.mark.parametrize("measure", MEASURES)
def test_the_two_exact_searches_agree(tmp_path: Path, measure: Measure) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe(measure), EXACT)
    fill(store, 400, measure)
    scan = SqliteStore.open(tmp_path / "c.db", SCAN)
    query = rows(-1 % 2**32, 3, measure)
    for k in (1, 10, 1000):
        ours, theirs = store.search(query, k), scan.search(query, k)
        assert_allclose(ours.scores, theirs.scores, atol=1e-5)
        assert_array_equal(ours.keys, theirs.keys)
    store.close()
    scan.close()


# squares of numbers near the end of float32's range vanish, and sqlite-vec then divides by nothing
ordinary = st.just(0.0) | st.floats(0.0625, 100, width=32) | st.floats(-100, -0.0625, width=32)


@settings(max_examples=40, deadline=None)
@given(
    stored=arrays(np.float32, st.tuples(st.integers(1, 20), st.just(3)), elements=ordinary),
    query=arrays(np.float32, (1, 3), elements=ordinary),
    measure=st.sampled_from(["cosine", "l2"]),
    k=st.integers(1, 25),
)
def test_the_two_exact_searches_agree_on_any_numbers(
    tmp_path_factory: pytest.TempPathFactory,
    stored: Features,
    query: Features,
    measure: Measure,
    k: int,
) -> None:
    path = tmp_path_factory.mktemp("agree") / "c.db"
    store = SqliteStore.create(path, recipe(measure, dim=3), EXACT)
    store.write([Entry(record(f"/p/{n}"), row[None]) for n, row in enumerate(stored)])
    scan = SqliteStore.open(path, SCAN)
    assert_allclose(store.search(query, k).scores, scan.search(query, k).scores, atol=2e-4)
    store.close()
    scan.close()


def test_sqlite_vec_says_which_measure_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="only cosine, l2, hamming"):
        SqliteStore.create(tmp_path / "c.db", recipe("dot"), SCAN)


def test_what_another_program_writes_is_found(tmp_path: Path) -> None:
    reader = SqliteStore.create(tmp_path / "c.db", recipe(), EXACT)
    fill(reader, 3)
    assert reader.search(rows(7), 9).keys.shape == (1, 3)
    other = SqliteStore.open(tmp_path / "c.db")
    fill(other, 1, first=7)
    assert reader.search(rows(7), 1).keys[0, 0] == record("/p/7").key
    other.remove_images([record("/p/7").key])
    assert reader.search(rows(7), 9).keys.shape == (1, 3)
    other.close()
    reader.close()


@pytest.fixture(autouse=True)
def saved_at_once() -> Iterator[None]:
    """A cache for however few vectors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncedIndex, "save_from", 0)
        yield


def cache_of(path: Path) -> Path:
    """The data file; its manifest has no token."""
    (cache,) = path.parent.glob("c.db.vectors-*.*")
    return cache


def searched(path: Path) -> list[int]:
    store = SqliteStore.open(path, EXACT)
    found: list[int] = store.search(rows(5), 4).keys[0].tolist()
    store.close()
    return found


def test_the_saved_index_is_used_and_kept_true(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    SqliteStore.create(path, recipe()).close()
    store = SqliteStore.open(path)
    fill(store, 50)
    first = searched(path)
    assert first[0] == record("/p/5").key
    written = cache_of(path).stat().st_mtime_ns
    assert searched(path) == first
    assert cache_of(path).stat().st_mtime_ns == written, "nothing new, nothing written"
    store.remove_images([record("/p/5").key])
    fill(store, 1, first=99)
    without = searched(path)
    assert record("/p/5").key not in without
    assert len(without) == 4
    store.close()


@pytest.mark.parametrize("damage", ["emptied", "truncated", "replaced"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.db"
    store = SqliteStore.create(path, recipe())
    fill(store, 50)
    store.close()
    first = searched(path)
    content = cache_of(path).read_bytes()
    other = {"emptied": b"", "truncated": content[: len(content) // 2], "replaced": b"x" * 999}
    cache_of(path).write_bytes(other[damage])
    assert searched(path) == first
    assert len(cache_of(path).read_bytes()) == len(content)


def test_a_cache_of_an_earlier_catalogue_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    for turn in range(2):  # the same images, and other vectors, as from a newer encoder
        store = SqliteStore.create(path, recipe())
        store.write([Entry(record(f"/p/{n}"), rows(n + 3 * turn)) for n in range(50)])
        store.close()
        assert searched(path)[0] == record(f"/p/{5 - 3 * turn}").key
        assert cache_of(path), "and the earlier one is gone"
        path.unlink()


def test_a_cache_that_cannot_be_written_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def refuse(*paths: object) -> None:
        tried.append(paths)
        raise PermissionError("read-only")

    path = tmp_path / "c.db"
    store = SqliteStore.create(path, recipe())
    fill(store, 20)
    store.close()
    monkeypatch.setattr("imagefinder._utils.atomic.os.replace", refuse)
    store = SqliteStore.open(path, EXACT)
    for _ in range(3):
        assert store.search(rows(5), 4).keys[0, 0] == record("/p/5").key
    store.close()
    assert len(tried) == 1, "and is not tried at every search"
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".db"], "and leaves no rubbish"


def test_a_catalogue_that_may_not_be_written_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.db"
    store = SqliteStore.create(path, recipe())
    fill(store, 20)
    store.close()
    assert list(tmp_path.iterdir()) == [path], "SQLite's own files went when it was closed"
    monkeypatch.setattr("imagefinder._utils.sqlite.os.access", lambda *_: False)
    assert SqliteStore.exists(path)
    store = SqliteStore.open(path, EXACT)
    assert store.search(rows(5), 1).keys[0, 0] == record("/p/5").key
    with pytest.raises(StoreError, match="read-only"):
        fill(store, 1, first=50)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "c.db",
        cache_of(path).stem,
        cache_of(path).name,
    ]
    store.close()


def test_readers_and_a_writer_work_at_once(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe(), EXACT)
    fill(store, 20)
    wrong: list[object] = []

    def read() -> None:
        for _ in range(40):
            found = store.search(rows(5), 1).keys[0, 0]
            if found != record("/p/5").key or len(store) < 20:
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for batch in range(20):
        fill(store, 20, first=1000 + 20 * batch)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.search(rows(1), 1000).keys.shape == (1, 420)
    store.close()


def test_a_closed_catalogue_says_so(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        len(store)
    with pytest.raises(StoreError, match="is closed"):
        fill(store, 1)


def test_a_damaged_catalogue_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    store = SqliteStore.create(path, recipe())
    fill(store, 500)
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        SqliteStore.open(path)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM catalogue",
        "UPDATE catalogue SET value = 'nonsense' WHERE name = 'recipe'",
        "UPDATE catalogue SET value = '[]' WHERE name = 'recipe'",
        "UPDATE catalogue SET value = replace(value, 'cosine', 'taste')",
        "UPDATE catalogue SET value = replace(value, '\"dim\": 8', '\"dim\": 9')",
        "UPDATE catalogue SET value = replace(value, '\"dim\": 8', '\"dim\": -1')",
        "UPDATE vectors SET vector = x'00'",
        "UPDATE vectors SET vector = 'text'",
        f"UPDATE vectors SET vector = x'{'0000c07f' * DIM}'",  # not a number
        "UPDATE images SET metadata = '['",
        "UPDATE images SET metadata = '[1]'",
        "DROP TABLE vectors",
    ],
)
def test_a_catalogue_that_makes_no_sense_says_so(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.db"
    store = SqliteStore.create(path, recipe())
    fill(store, 5)
    store.close()
    with sqlite3.connect(path) as vandal:
        vandal.execute(damage)
    vandal.close()
    with pytest.raises(StoreError, match=r"c\.db"):
        use(path)


def use(path: Path) -> None:
    store = SqliteStore.open(path, EXACT)
    try:
        store.get(store.search(rows(1), 3).keys[0].tolist())
        store.features(record("/p/1").key)
    finally:
        store.close()


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    with pytest.raises(StoreError, match="not finite"):
        store.write([Entry(record("/p/1"), rows(1) * np.float32(np.nan))])
    assert len(store) == 0
    store.close()


def test_each_entry_is_told_its_own_outcome(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    one, two = record("one", paths=("/a",)), record("two", paths=("/b",))
    store.write([Entry(one, rows(1)), Entry(two, rows(2))])
    moved = record("two", paths=("/a",))
    assert store.write([Entry(moved, None), Entry(two, None)]) == ["updated", "unchanged"]
    store.close()


def test_an_image_given_in_memory_outlives_its_file(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    store.write([Entry(record("one", paths=()), rows(1))])
    store.write([Entry(record("one", paths=("/a",)), None)])
    assert store.remove_files(["/a"]) == 1
    assert store.has_content(record("one").sha256)
    store.close()


def test_more_can_be_asked_for_than_sqlite_can_count(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    fill(store, 3)
    assert store.search(rows(1), 10**20).keys.shape == (1, 3)
    store.close()


def test_the_recipe_is_plain_json_that_anyone_can_read(tmp_path: Path) -> None:
    SqliteStore.create(tmp_path / "c.db", recipe()).close()
    with sqlite3.connect(tmp_path / "c.db") as plain:
        (text,) = plain.execute("SELECT value FROM catalogue WHERE name = 'recipe'").fetchone()
    plain.close()
    assert json.loads(text)["encoder"] == "test"


def test_images_come_page_by_page_while_others_write(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", recipe())
    fill(store, 230)
    store.write([Entry(record("/p/none"), rows(1, 0)), Entry(record("/p/two"), rows(2, 2))])
    counts: dict[int, int] = {}
    for found, features in store.iter_records():
        if not counts:
            store.remove_images([max(entry.key for entry, _ in store.iter_records())])
        counts[found.key] = len(features)
    assert list(counts) == sorted(counts)
    assert len(counts) == len(store) == 231
    assert set(counts.values()) == {0, 1, 2}
    store.close()
    store = SqliteStore.open(tmp_path / "c.db")
    for found, features in store.iter_records():
        assert_array_equal(features, store.features(found.key))
    store.close()
