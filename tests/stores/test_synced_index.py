"""A synced index follows whatever is written to the catalogue, by any program at any time."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from imagefinder.errors import StoreError
from imagefinder.indexes.exact import Exact
from imagefinder.indexes.segmented import SegmentedVectors
from imagefinder.registry.factory import make_index
from imagefinder.stores import synced_index
from imagefinder.stores.cache_header import owner_of
from imagefinder.stores.saved_index import SavedIndex
from imagefinder.stores.sqlite import vectors
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Entry, Features, IndexChoice, Recipe

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")
EXACT, HNSW = IndexChoice("exact"), IndexChoice("hnsw")


@pytest.fixture(autouse=True)
def saved_at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncedIndex, "save_from", 0)
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SqliteStore.create(tmp_path / "c.db", RECIPE).close()
    return tmp_path / "c.db"


def rolled(entries: list[Entry]) -> list[Entry]:
    """The same images with each other's vectors."""
    features = [entry.features for entry in entries]
    return [
        Entry(entry.record, other)
        for entry, other in zip(entries, features[1:] + features[:1], strict=True)
    ]


def keys(entries: list[Entry]) -> list[int]:
    return [entry.record.key for entry in entries]


def vector(entry: Entry) -> Features:
    assert entry.features is not None
    return entry.features


def check_true(store: SqliteStore, entries: list[Entry]) -> None:
    """Each of some images is what is found by its own vectors."""
    some = entries[:: max(1, len(entries) // 50)]
    found = [int(store.search(vector(entry), 1).keys[0, 0]) for entry in some]
    right = sum(key == entry.record.key for key, entry in zip(found, some, strict=True))
    assert right >= 0.9 * len(some)


def manifest(path: Path) -> Path:
    (found,) = (file for file in path.parent.glob("c.db.vectors-*") if file.name.count(".") == 2)
    return found


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_images_that_come_back_with_other_vectors_are_found_by_these(kind: str, path: Path) -> None:
    """By a program that goes on, one that loads the saved index, and one without any."""
    wrong = random_entries(1100, DIM)
    right = rolled(wrong)
    running, other = (SqliteStore.open(path, IndexChoice(kind)) for _ in range(2))
    other.write(wrong)
    check_true(running, wrong)
    running.close()
    running = SqliteStore.open(path, IndexChoice(kind))
    check_true(running, wrong)
    other.remove_images(keys(wrong))
    other.write(right)
    check_true(SqliteStore.open(path, IndexChoice(kind)), right)
    check_true(running, right)
    other.remove_images(keys(right[:3]))
    other.write(wrong[:3])
    for store in (running, SqliteStore.open(path, IndexChoice(kind)), other):
        found = store.search(vector(wrong[1]), 2).keys[0]
        assert wrong[1].record.key in found
        check_true(store, right[3:])


def test_a_saved_index_of_a_later_state_is_not_believed_by_a_restored_backup(path: Path) -> None:
    wrong = random_entries(20, DIM)
    store = SqliteStore.open(path, EXACT)
    store.write(rolled(wrong))
    store.close()
    backup = path.read_bytes()
    store = SqliteStore.open(path, EXACT)
    store.remove_images(keys(wrong))
    store.write(wrong)
    check_true(store, wrong)
    store.close()
    path.write_bytes(backup)
    before = manifest(path).read_bytes()
    store = SqliteStore.open(path, EXACT)
    check_true(store, rolled(wrong))
    store.close()
    assert manifest(path).read_bytes() != before, "and it is saved anew"


def test_a_saved_index_with_other_rows_than_the_catalogue_is_rebuilt(path: Path) -> None:
    """Whatever made them differ: a sample of the rows is compared."""
    entries = random_entries(40, DIM)
    store = SqliteStore.open(path, EXACT)
    store.write(entries)
    check_true(store, entries)
    store.close()
    owner = str(owner_of(manifest(path)))
    saved = SavedIndex(manifest(path), owner)
    right = make_index("exact", DIM, "cosine")
    version = saved.load(right)
    wrong = make_index("exact", DIM, "cosine")
    wrong.add(np.array(keys(entries)), np.concatenate([vector(one) for one in rolled(entries)]))
    saved.save(wrong, version)
    check_true(SqliteStore.open(path, EXACT), entries)
    half = make_index("exact", DIM, "cosine")
    saved.load(half)
    half.add(np.array(keys(entries[:20])), np.concatenate([vector(one) for one in entries[:20]]))
    saved.save(half, version)
    found = SqliteStore.open(path, EXACT).search(vector(entries[0]), 99)
    assert found.keys.shape == (1, 40), "and one with more rows of an image than there are"


def test_a_save_between_two_pages_has_all_rows_of_its_images(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that is killed after it saved the first pages leaves whole images."""
    entries = [
        Entry(entry.record, np.repeat(vector(entry), 3, axis=0)) for entry in random_entries(9, DIM)
    ]
    store = SqliteStore.open(path, EXACT)
    store.write(entries)
    monkeypatch.setattr(vectors, "_PAGE", 4)
    monkeypatch.setattr(synced_index, "_MAX_PENDING", 0)
    states: list[int] = []
    save = SavedIndex.save

    def recorded(saved: SavedIndex, index: Exact, version: int) -> None:
        held = np.concatenate([segment.keys for segment in index._segments])
        states.append(len(held))
        save(saved, index, version)

    monkeypatch.setattr(SavedIndex, "save", recorded)
    assert store.search(vector(entries[0])[:1], 99).keys.shape == (1, 27)
    assert len(states) > 2
    assert all(count % 3 == 0 for count in states)
    store.close()


def test_a_search_sees_no_image_between_its_old_and_its_new_vectors(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors are exchanged only once the searches that are running have ended."""
    entries = random_entries(30, DIM)
    store = SqliteStore.open(path, EXACT)
    store.write(entries)
    store.search(vector(entries[0]), 1)
    inside, go_on = threading.Event(), threading.Event()
    found: list[int] = []
    original = Exact.search

    def slow(index: Exact, *args: object) -> object:
        inside.set()
        assert go_on.wait(60)
        return original(index, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Exact, "search", slow)
    running = threading.Thread(
        target=lambda: found.append(store.search(vector(entries[0]), 99).keys.shape[1])
    )
    running.start()
    assert inside.wait(60)
    monkeypatch.setattr(Exact, "search", original)
    store.remove_images(keys(entries))
    store.write(rolled(entries))
    waited = threading.Event()
    wait_for = threading.Condition.wait_for

    def seen(condition: threading.Condition, predicate: Callable[[], bool]) -> bool:
        waited.set()
        return wait_for(condition, predicate)

    monkeypatch.setattr(threading.Condition, "wait_for", seen)
    following = threading.Thread(
        target=lambda: found.append(store.search(vector(entries[0]), 99).keys.shape[1])
    )
    following.start()
    assert waited.wait(60)
    go_on.set()
    running.join()
    following.join()
    assert found == [30, 30]
    store.close()


def test_an_index_grows_while_another_program_exchanges_images_and_builds_another_kind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each point of the first one's save, the second does all of its work."""
    entries = random_entries(1600, DIM)
    first = SqliteStore.open(path, HNSW)
    first.write(entries[:1100])
    check_true(first, entries[:1100])
    save = SegmentedVectors.save
    turns: list[int] = []

    def interrupted(index: SegmentedVectors, target: Path) -> None:
        monkeypatch.undo()
        save(index, target)
        second = SqliteStore.open(path)
        second.remove_images(keys(entries[:100]))
        second.write(random_entries(300, DIM, first=5000))
        second.use_index(EXACT)
        second.close()
        turns.append(1)

    first.write(entries[1100:])
    monkeypatch.setattr(SegmentedVectors, "save", interrupted)
    check_true(first, entries[1100:])
    assert turns
    now = entries[100:] + random_entries(300, DIM, first=5000)
    for store in (first, SqliteStore.open(path, HNSW), SqliteStore.open(path, EXACT)):
        check_true(store, now)
        assert store.search(vector(entries[0]), 5000).keys.shape == (1, len(now))
        store.close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore.open(path, EXACT)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.search(np.ones((1, DIM), np.float32), 1)
