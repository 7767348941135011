"""A catalogue's file that is replaced, deleted, or written by others while it is open."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from imagefinder.errors import RecipeMismatch, StoreError
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.testing.contracts.samples import random_entries
from imagefinder.types import Recipe

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")


def filled(path: Path, count: int, first: int = 0, recipe: Recipe = RECIPE) -> SqliteStore:
    """A new catalogue that stays open; only its own searches find its images."""
    store = SqliteStore.create(path, recipe)
    store.write(random_entries(count, recipe.dim, first=first))
    return store


def check(store: SqliteStore, count: int, first: int = 0) -> None:
    """It holds what ``filled`` wrote, and nothing else."""
    entries = random_entries(count, DIM, first=first)
    assert len(store) == count
    for entry in entries:
        assert entry.features is not None
        assert store.search(entry.features, 1).keys.tolist() == [[entry.record.key]]
        assert store.get([entry.record.key])[entry.record.key].path == entry.record.path


def is_intact(path: Path) -> bool:
    file = apsw.Connection(str(path))
    found = file.execute("PRAGMA integrity_check").get
    file.close()
    return bool(found == "ok")


@pytest.fixture(autouse=True)
def saved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for however few vectors, so that it could be taken for that of the other file."""
    monkeypatch.setattr(SyncedIndex, "save_from", 0)


def test_a_file_moved_over_the_catalogue_is_read_from_then_on(tmp_path: Path) -> None:
    path, other = tmp_path / "c.db", tmp_path / "other.db"
    filled(other, 7, first=100).close()
    store = filled(path, 5)
    check(store, 5)
    os.link(path, tmp_path / "before.db")
    assert path.with_name("c.db-wal").stat().st_size, "what SQLite must not apply to the other file"
    other.replace(path)
    check(store, 7, first=100)
    store.write(random_entries(1, DIM, first=500))
    store.close()
    assert is_intact(path)
    before = SqliteStore.open(tmp_path / "before.db")
    check(before, 5)  # nothing of the one that was replaced is lost
    before.close()


def test_an_older_copy_moved_back_is_searched_as_it_is(tmp_path: Path) -> None:
    path, copy = tmp_path / "c.db", tmp_path / "copy.db"
    filled(path, 5).close()
    shutil.copy(path, copy)
    store = SqliteStore.open(path)
    store.remove_images([entry.record.key for entry in random_entries(5, DIM)])
    store.write(random_entries(3, DIM, first=50))
    check(store, 3, first=50)
    copy.replace(path)
    check(store, 5)
    store.close()


def test_a_catalogue_made_anew_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    store = filled(path, 5)
    path.unlink()
    filled(path, 3, first=50).close()
    check(store, 3, first=50)
    store.close()


def test_a_deleted_catalogue_is_said_until_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    store = filled(path, 5)
    path.rename(tmp_path / "away.db")
    for ask in (len, lambda store: store.write(random_entries(1, DIM, first=9))):
        with pytest.raises(StoreError, match=r"moved or deleted.*put it back"):
            ask(store)
    (tmp_path / "away.db").rename(path)
    check(store, 5)
    store.close()


def test_another_encoders_catalogue_is_refused_and_its_file_left_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "c.db", tmp_path / "other.db"
    filled(other, 2, recipe=Recipe("other", {}, 4, "cosine")).close()
    content = other.read_bytes()
    store = filled(path, 5)
    other.replace(path)
    for _ in range(2):
        with pytest.raises(RecipeMismatch, match=r"replaced by a catalogue made with other.*again"):
            len(store)
    assert path.read_bytes() == content
    path.unlink()
    filled(path, 4).close()
    check(store, 4)
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        len(store)


@contextmanager
def not_writable() -> Iterator[None]:
    """As for a program that may not write beside the catalogue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imagefinder._utils.sqlite.os.access", lambda *_: False)
        yield


def test_a_reader_that_may_not_write_sees_what_others_write(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    filled(path, 5).close()
    with not_writable():
        reader = SqliteStore.open(path)
        check(reader, 5)
    for turn in range(2):
        writer = SqliteStore.open(path)
        writer.remove_images(writer.select().tolist())
        writer.write(random_entries(4, DIM, first=100 * (turn + 1)))
        with not_writable():
            check(reader, 4, first=100 * (turn + 1))
        writer.close()
        with not_writable():
            check(reader, 4, first=100 * (turn + 1))
    reader.close()


def test_a_change_while_a_file_without_locks_is_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    filled(path, 5).close()
    with not_writable():
        connections = Connections(path)
    with pytest.raises(StoreError, match="changed while it was read: try again"):
        read_while_changed(connections, path)
    with not_writable(), connections.reading() as connection:
        assert connection.execute("SELECT count(*) FROM images").get == 6
    connections.close()


def read_while_changed(connections: Connections, path: Path) -> None:
    with not_writable(), connections.reading() as connection:
        assert connection.execute("SELECT count(*) FROM images").get == 5
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("imagefinder._utils.sqlite.os.access", lambda *_: True)
            writer = SqliteStore.open(path)
            writer.write(random_entries(1, DIM, first=9))
            writer.close()
        raise apsw.CorruptError("as what is read now may look")


def test_a_log_without_its_index_is_read_from_a_copy(tmp_path: Path) -> None:
    store = filled(tmp_path / "c.db", 5)
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in ("c.db", "c.db-wal"):
        shutil.copy(tmp_path / name, folder / name)
    store.close()
    (folder / "c.db-shm").mkdir()  # it cannot be made, as in a folder that cannot be written
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    with not_writable():
        reader = SqliteStore.open(folder / "c.db")
        check(reader, 5)
        with pytest.raises(StoreError, match="read-only"):
            reader.write(random_entries(1, DIM, first=9))
        reader.close()
    after = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert before.items() <= after.items()


HOLDER = """
import sys
from pathlib import Path
from imagefinder.stores.sqlite.store import SqliteStore

store = SqliteStore.open(Path(sys.argv[1]))
store.set_metadata("note", "so that there is a log")
print(len(store), flush=True)
sys.stdin.readline()
try:
    print(len(store), flush=True)
finally:
    store.close()
"""


def test_a_catalogue_made_anew_shares_no_log_with_a_removed_one_that_is_still_open(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.db"
    filled(path, 5).close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "5\n"
        path.unlink()
        filled(path, 7, first=100).close()
        assert sorted(file.name for file in tmp_path.glob("c.db-*")) == ["c.db-wal.removed-1"]
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "7\n"  # it has noticed
    store = SqliteStore.open(path)
    check(store, 7, first=100)
    store.close()
    assert is_intact(path)
