"""Copies of a catalogue, its free space, and what is found damaged in it."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from imagefinder.errors import CatalogueDamaged, CatalogueExists, CatalogueMissing, StoreError
from imagefinder.stores.sqlite.schema import APPLICATION_ID
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts.samples import random_entries
from imagefinder.types import Recipe

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = SqliteStore.create(tmp_path / "c.db", RECIPE)
    store.write(random_entries(300, DIM))
    store.close()
    return tmp_path / "c.db"


def execute(path: Path, sql: str) -> None:
    file = apsw.Connection(str(path))
    file.execute(sql)
    file.close()


def test_a_copy_holds_what_was_committed_when_it_began(path: Path, tmp_path: Path) -> None:
    store = SqliteStore.open(path)
    store.write(random_entries(10, DIM, first=1000))  # in the write-ahead log alone
    copy = tmp_path / "copy.db"
    assert store.backup(copy) == copy.stat().st_size
    store.write(random_entries(10, DIM, first=2000))
    before = {file.name for file in tmp_path.iterdir()}
    assert before == {"c.db", "c.db-wal", "c.db-shm", "copy.db"}
    with_copy = SqliteStore.open(copy)
    assert len(with_copy) == 310
    assert len(store) == 320
    for entry in (*random_entries(5, DIM), *random_entries(5, DIM, first=1000)[:5]):
        assert with_copy.get([entry.record.key]) == store.get([entry.record.key])
    with_copy.close()
    store.close()
    assert SqliteStore.check(copy) == []


def test_copies_made_while_others_write_are_whole_states(path: Path, tmp_path: Path) -> None:
    store, done = SqliteStore.open(path), threading.Event()

    def write() -> None:
        other = SqliteStore.open(path)
        for turn in range(20):
            other.write(random_entries(50, DIM, first=1000 + 50 * turn))
        other.close()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(5):
        store.backup(tmp_path / f"{number}.db")
    writer.join()
    assert done.is_set()
    store.close()
    for number in range(5):
        copy = SqliteStore.open(tmp_path / f"{number}.db")
        assert (len(copy) - 300) % 50 == 0
        assert copy.statistics().vectors == len(copy)
        copy.close()


def test_no_file_is_replaced_unasked(path: Path, tmp_path: Path) -> None:
    store, other = SqliteStore.open(path), tmp_path / "other"
    other.write_text("mine")
    with pytest.raises(CatalogueExists, match=r"other already exists: .*--force"):
        store.backup(other)
    assert other.read_text() == "mine"
    store.backup(other, force=True)
    assert SqliteStore.exists(other)
    with pytest.raises(StoreError, match="is the catalogue itself"):
        store.backup(path, force=True)
    with pytest.raises(StoreError, match="no folder"):
        store.backup(tmp_path / "none" / "copy.db")
    store.close()


def test_a_copy_is_restored_while_others_have_the_catalogue_open(
    path: Path, tmp_path: Path
) -> None:
    store = SqliteStore.open(path)
    store.backup(tmp_path / "copy.db")
    store.remove_images(store.select().tolist())
    store.write(random_entries(10, DIM, first=1000))
    copy = SqliteStore.open(tmp_path / "copy.db")
    copy.backup(path, force=True)
    copy.close()
    assert len(store) == 300
    for entry in random_entries(5, DIM):
        assert entry.features is not None
        assert store.search(entry.features, 1).keys.tolist() == [[entry.record.key]]
    assert store.write(random_entries(1, DIM, first=2000)) == ["added"]
    store.close()
    assert SqliteStore.check(path) == []


def test_no_copy_replaces_another_catalogue_that_is_open(path: Path, tmp_path: Path) -> None:
    other = SqliteStore.create(tmp_path / "other.db", RECIPE)
    other.set_metadata("a", "b")
    store = SqliteStore.open(path)
    with pytest.raises(StoreError, match=r"open in another program.*other\.db-wal away"):
        store.backup(tmp_path / "other.db", force=True)
    assert other.get_metadata("a") == "b"
    other.close()
    store.backup(tmp_path / "other.db", force=True)
    store.close()


def test_damage_is_not_copied(path: Path, tmp_path: Path) -> None:
    store = SqliteStore.open(path)
    execute(
        path, "UPDATE vectors SET vector = zeroblob(32) WHERE key = (SELECT max(key) FROM vectors)"
    )
    before = sorted(tmp_path.iterdir())
    with pytest.raises(CatalogueDamaged, match=r"a vector of image .*not backed up.*check"):
        store.backup(tmp_path / "copy.db")
    with pytest.raises(CatalogueDamaged, match="its free pages stay"):
        store.vacuum()
    assert sorted(tmp_path.iterdir()) == before
    store.close()


def test_a_copy_that_fails_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr("imagefinder.stores.sqlite.maintenance.copy_pages", full)
    store = SqliteStore.open(path)
    with pytest.raises(StoreError, match="the disk is full: free some space"):
        store.backup(tmp_path / "copy.db")
    store.close()
    assert list(tmp_path.iterdir()) == [path]


def test_space_of_removed_images_is_given_back(path: Path) -> None:
    store, reader = SqliteStore.open(path), SqliteStore.open(path)
    store.remove_images(store.select().tolist()[50:])
    before = path.stat().st_size
    freed = store.vacuum()
    assert before - path.stat().st_size == freed > before / 2
    assert store.vacuum() == 0
    assert len(reader) == 50
    for entry in random_entries(300, DIM):
        if reader.has_content(entry.record.sha256):
            assert entry.features is not None
            assert reader.search(entry.features, 1).keys.tolist() == [[entry.record.key]]
    reader.close()
    store.close()
    assert SqliteStore.check(path) == []


def test_damage_is_found_wherever_it_is(path: Path) -> None:
    keys = [entry.record.key for entry in random_entries(300, DIM)]
    execute(path, f"UPDATE images SET metadata = '[]' WHERE key = {keys[0]}")
    execute(path, f"UPDATE vectors SET vector = zeroblob(32) WHERE key = {keys[1]}")
    execute(path, f"UPDATE files SET mtime_ns = 7 WHERE key = {keys[2]}")
    execute(path, f"DELETE FROM files WHERE key = {keys[3]}")
    execute(path, f"PRAGMA foreign_keys = OFF; DELETE FROM images WHERE key = {keys[4]}")
    found = SqliteStore.check(path)
    assert {one.key for one in found} == set(keys[:5])
    paths = {one.key: one.paths for one in found}
    assert paths == {
        key: () if key == keys[3] else (f"/random/{number}",) for number, key in enumerate(keys[:5])
    }


def test_what_cannot_be_read_is_said(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 // 4096 * 4096])
    assert any("the structure of the file" in one.what for one in SqliteStore.check(path))
    with pytest.raises(CatalogueMissing):
        SqliteStore.check(tmp_path / "none.db")


def test_many_damaged_pages_make_no_long_message(path: Path) -> None:
    file = apsw.Connection(str(path))
    file.pragma("writable_schema", True)
    file.execute("DELETE FROM sqlite_schema WHERE tbl_name IN ('files', 'vectors')")
    file.close()  # the pages of these tables belong to none now
    found = [one.what for one in SqliteStore.check(path)]
    assert any("never used" in what for what in found)
    assert max(map(len, found)) < 250


def test_a_file_that_is_cut_says_that_only_a_backup_helps(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(CatalogueDamaged, match="too damaged to be repaired: restore a backup"):
        SqliteStore.salvage(path, SqliteStore.check(path))


@pytest.mark.parametrize("version", [-1, 0, 1, 2])
def test_a_version_that_its_tables_do_not_have_is_damage_that_is_repaired(
    path: Path, version: int
) -> None:
    execute(path, f"PRAGMA user_version = {version}")
    with pytest.raises(CatalogueDamaged, match="not those of schema"):
        SqliteStore.open(path)
    found = SqliteStore.check(path)
    assert [one.what for one in found] == [
        f"the structure of the file: its tables are not those of schema {version}"
    ]
    SqliteStore.salvage(path, found)
    with closing(SqliteStore.open(path)) as store:
        assert len(store) == 300


def test_the_tables_of_something_else_get_no_company(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    execute(path, f"PRAGMA application_id = {APPLICATION_ID}; CREATE TABLE notes (text)")
    before = path.read_bytes()
    assert SqliteStore.check(path)
    with pytest.raises(CatalogueDamaged):
        SqliteStore.open(path)
    assert path.read_bytes() == before


def test_what_is_intact_is_salvaged(path: Path) -> None:
    entries = random_entries(300, DIM)
    keys = [entry.record.key for entry in entries]
    execute(path, f"UPDATE vectors SET vector = zeroblob(32) WHERE key = {keys[1]}")
    execute(path, f"UPDATE files SET path = '/x' WHERE key = {keys[2]}")
    salvage = SqliteStore.salvage(path, SqliteStore.check(path))
    assert salvage.items == {keys[1]: []}
    assert SqliteStore.add_checksums(path) == 1
    assert SqliteStore.check(path) == []
    store = SqliteStore.open(path)
    found = store.get(keys)
    assert set(keys) - set(found) == {keys[1]}
    assert found[keys[2]].files == (), "it stays, without the path that is lost"
    assert found[keys[3]] == entries[3].record
    assert store.write([entries[1], entries[2]]) == ["added", "added"]
    assert store.get(keys) == {entry.record.key: entry.record for entry in entries}
    store.close()
    assert len(SqliteStore.check(salvage.kept)) == 2


def test_pages_that_cannot_be_read_lose_only_what_is_on_them(path: Path) -> None:
    content = bytearray(path.read_bytes())
    last = len(content) - 4096
    content[last:] = bytes(4096)
    path.write_bytes(content)
    found = SqliteStore.check(path)
    assert found
    SqliteStore.salvage(path, found)
    SqliteStore.add_checksums(path)
    assert SqliteStore.check(path) == []
    store = SqliteStore.open(path)
    assert 200 < len(store) <= 300
    store.close()


def test_rows_of_earlier_versions_get_their_checksums(path: Path) -> None:
    tables = ("images", "files", "vectors", "catalogue")
    for table in tables:
        execute(path, f"UPDATE {table} SET checksum = NULL")
    assert SqliteStore.check(path) == []
    assert SqliteStore.add_checksums(path) == 902
    assert SqliteStore.add_checksums(path) == 0
    assert SqliteStore.check(path) == []
    execute(path, "UPDATE images SET width = 7 WHERE key = (SELECT min(key) FROM images)")
    assert len(SqliteStore.check(path)) == 1
