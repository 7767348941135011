"""Catalogues of earlier schemas, and how writes are counted."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from imagefinder.errors import StoreError
from imagefinder.registry import recipes
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts.samples import random_entries, random_signature
from imagefinder.types import Entry, Features, File, Recipe, Record

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A catalogue of the second schema with three images."""
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as file:
        for migration in schema.MIGRATIONS[:2]:
            file.executescript(migration)
        about = [("id", "0" * 32), ("recipe", recipes.to_json(RECIPE))]
        file.executemany("INSERT INTO catalogue (name, value) VALUES (?, ?)", about)
        for key, record, features in stored(3):
            file.execute(
                "INSERT INTO images (key, sha256, size, width, height, metadata, in_memory)"
                " VALUES (?, ?, 10, 4, 3, '{}', 0)",
                (key, record.sha256),
            )
            file.execute(
                "INSERT INTO files (path, key, mtime_ns) VALUES (?, ?, 123)", (record.path, key)
            )
            file.execute(
                "INSERT INTO vectors (key, row, vector) VALUES (?, 0, ?)", (key, features.tobytes())
            )
    file.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    file.execute("PRAGMA user_version = 2")
    file.execute("PRAGMA journal_mode = WAL")
    file.close()
    return path


def stored(count: int, first: int = 0) -> list[tuple[int, Record, Features]]:
    """The keys, records and vectors of ``random_entries``."""
    return [
        (entry.record.key, entry.record, entry.features)
        for entry in random_entries(count, DIM, first=first)
        if entry.features is not None
    ]


def versions(path: Path) -> tuple[dict[int, int], list[int]]:
    """Of each image, and of all writes in order."""
    file = apsw.Connection(str(path))
    images: Any = file.execute("SELECT key, version FROM images").fetchall()
    writes: Any = file.execute("SELECT version FROM writes ORDER BY version").fetchall()
    file.close()
    return dict(images), [version for (version,) in writes]


def test_an_old_catalogue_opens_searches_and_takes_additions(old: Path) -> None:
    store = SqliteStore.open(old)
    before = stored(3)
    assert store.get([key for key, _, _ in before]) == {key: one for key, one, _ in before}
    for key, _, features in before:
        assert_array_equal(store.features(key), features)
        assert store.search(features, 1).keys.tolist() == [[key]]
    assert store.write(random_entries(2, DIM, first=3)) == ["added", "added"]
    for key, _, features in [*before, *stored(2, first=3)]:
        assert store.search(features, 1).keys.tolist() == [[key]]
    assert store.remove_images([before[0][0]]) == 1
    store.close()
    images, writes = versions(old)
    new = {key for key, _, _ in stored(2, first=3)}
    assert {key for key, version in images.items() if version} == new
    assert set(images.values()) == {0, *writes}


@pytest.mark.parametrize("schema_version", [1, 2, 3])
def test_an_old_catalogue_that_cannot_be_written_is_read(
    old: Path, monkeypatch: pytest.MonkeyPatch, schema_version: int
) -> None:
    if schema_version == 1:
        with sqlite3.connect(old) as file:
            file.execute("DROP TABLE local_features")
            file.execute("PRAGMA user_version = 1")
        file.close()
    elif schema_version == 3:
        with sqlite3.connect(old) as file:
            file.executescript(schema.MIGRATIONS[2])
            file.execute("PRAGMA user_version = 3")
        file.close()
    content = old.read_bytes()
    monkeypatch.setattr("imagefinder._utils.sqlite.os.access", lambda *_: False)
    store = SqliteStore.open(old)
    for key, record, features in stored(3):
        assert store.get([key]) == {key: record}
        assert_array_equal(store.features(key), features)
        assert store.search(features, 1).keys.tolist() == [[key]]
    assert len(list(store.iter_records())) == 3
    assert store.lookup_paths(["/random/1"])["/random/1"].origin == "added"
    keys = [key for key, _, _ in stored(3)]
    assert store.signatures(keys) == {}
    assert store.without_signature([*keys, 7]) == set(keys)
    assert (store.statistics().images, store.statistics().signatures) == (3, 0)
    with pytest.raises(StoreError, match="read-only"):
        store.write(random_entries(1, DIM, first=9))
    store.close()
    assert SqliteStore.check(old) == []
    assert old.read_bytes() == content


def test_signatures_are_filled_in_and_no_write_of_vectors_is_counted(old: Path) -> None:
    store = SqliteStore.open(old)
    store.write(random_entries(1, DIM, first=3))
    before = versions(old)
    signature = random_signature(np.random.default_rng(1))
    records = [record for _, record, _ in stored(4)]
    entries = [Entry(record, None, signature=signature) for record in records]
    assert store.write(entries) == ["unchanged"] * 4
    assert store.write(entries) == ["unchanged"] * 4
    assert store.signatures([one.key for one in records]).keys() == {one.key for one in records}
    assert store.statistics().signatures == 4
    store.close()
    assert versions(old) == before
    assert SqliteStore.check(old) == []


def test_what_comes_again_under_the_same_key_has_a_later_version(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", RECIPE)
    entries = random_entries(3, DIM)
    store.write(entries)
    first, _ = versions(tmp_path / "c.db")
    store.remove_images([entries[0].record.key])
    store.write(entries)
    second, writes = versions(tmp_path / "c.db")
    store.close()
    again = {key for key in second if second[key] > first[key]}
    assert again == {entries[0].record.key}
    assert len(set(first.values())) == 1
    assert writes == sorted({*first.values(), *second.values()})


def test_versions_grow_even_where_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore.create(tmp_path / "c.db", RECIPE)
    for number, time in enumerate((2_000, 1_000, 1_000)):
        monkeypatch.setattr("imagefinder.stores.sqlite.writes.time.time_ns", lambda now=time: now)
        store.write(random_entries(1, DIM, first=number))
    store.close()
    assert versions(tmp_path / "c.db")[1] == [2_000, 2_001, 2_002]


def test_a_write_without_vectors_is_not_counted(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", RECIPE)
    (entry,) = random_entries(1, DIM)
    store.write([entry])
    store.write([Entry(entry.record, None, {"title": "a"})])
    store.close()
    assert len(versions(tmp_path / "c.db")[1]) == 1


def test_the_origin_of_a_file_is_kept_and_an_import_does_not_change_it(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", RECIPE)
    (entry,) = random_entries(1, DIM)
    key = entry.record.key

    def write(*files: File) -> dict[str, str]:
        store.write([Entry(replace(entry.record, files=files), entry.features)])
        found: dict[str, str] = {file.path: file.origin for file in store.get([key])[key].files}
        looked_up = store.lookup_paths(list(found))
        assert {path: one.origin for path, one in looked_up.items()} == found
        return found

    uploaded = write(File("/a", 1, "uploaded"), File("/b", 1, "imported"))
    assert uploaded == {"/a": "uploaded", "/b": "imported"}
    assert write(File("/a", 2, "imported"), File("/b", 2, "added")) == {
        "/a": "uploaded",
        "/b": "added",
    }
    store.close()


@pytest.mark.parametrize("version", range(1, len(schema.MIGRATIONS) + 1))
def test_any_version_is_read_where_it_cannot_be_written(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as file:
        for migration in schema.MIGRATIONS[:version]:
            file.executescript(migration)
        about = [("id", "0" * 32), ("recipe", recipes.to_json(RECIPE))]
        file.executemany("INSERT INTO catalogue (name, value) VALUES (?, ?)", about)
    file.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    file.execute(f"PRAGMA user_version = {version}")
    file.close()
    monkeypatch.setattr("imagefinder._utils.sqlite._is_writable", lambda _: False)
    store = SqliteStore.open(path)
    assert store.statistics().images == len(store) == 0
    assert store.other_vectors() is None and store.successor() is None
    assert SqliteStore.check(path) == []
    with pytest.raises(StoreError, match="is read-only"):
        store.begin_upgrade(Recipe("other", {}, DIM, "cosine"))
    store.close()
