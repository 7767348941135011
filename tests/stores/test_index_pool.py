"""Indexes of every kind in a catalogue: chosen, remembered, and synced with the file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imagefinder.errors import PluginError
from imagefinder.indexes.auto import automatic
from imagefinder.registry.plugins import index_kinds
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.testing.contracts import random_entries
from imagefinder.types import IndexChoice, Recipe

DIM, MANY = 16, 1500
RECIPE = Recipe("test", {}, DIM, "cosine")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalogue with enough images for a structure."""
    store = SqliteStore.create(tmp_path / "c.db", RECIPE)
    store.write(random_entries(MANY, DIM))
    store.close()
    return tmp_path / "c.db"


@pytest.fixture(autouse=True)
def saved_early() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncedIndex, "save_from", 16 * 1024)
        yield


@pytest.mark.parametrize("kind", index_kinds("sqlite"))
def test_a_kind_is_remembered_and_follows_what_others_write(kind: str, path: Path) -> None:
    store = SqliteStore.open(path)
    assert store.index == IndexChoice("exact")
    store.use_index(IndexChoice(kind))
    other = SqliteStore.open(path)
    assert other.index == IndexChoice(kind)
    new = random_entries(600, DIM, first=MANY)
    other.write(new)
    missed = 0
    for entry in new[::50]:
        assert entry.features is not None
        missed += int(store.search(entry.features, 1).keys[0, 0] != entry.record.key)
    assert missed <= 1  # a graph that several threads build differs, and may miss one
    other.remove_images([entry.record.key for entry in new])
    for entry in new[::50]:
        assert entry.features is not None
        found = store.search(entry.features, 3).keys[0]
        assert (found != entry.record.key).all()
        assert len(found) == 3
    other.close()
    store.close()


def test_a_kind_that_cannot_be_is_refused_and_changes_nothing(path: Path) -> None:
    store = SqliteStore.open(path)
    with pytest.raises(PluginError, match="among the indexes"):
        store.use_index(IndexChoice("wishes"))
    with pytest.raises(PluginError, match="cannot make an index"):
        store.use_index(IndexChoice("faiss", {"factory": "nonsense"}))
    with pytest.raises(PluginError, match="its options"):
        store.use_index(IndexChoice("hnsw", {"color": 1}))
    assert store.index == IndexChoice("exact")
    store.close()
    assert SqliteStore.open(path).index == IndexChoice("exact")


def test_an_index_for_this_time_only_is_not_remembered(path: Path) -> None:
    store = SqliteStore.open(path, IndexChoice("hnsw"))
    assert store.search(np.ones((1, DIM), np.float32), 5).keys.shape == (1, 5)
    store.close()
    assert SqliteStore.open(path).index == IndexChoice("exact")


def test_a_catalogue_that_is_made_anew_finds_no_caches_of_the_old(path: Path) -> None:
    store = SqliteStore.open(path)
    store.use_index(IndexChoice("hnsw"))
    store.close()
    assert len(list(path.parent.glob("c.db.vectors-*"))) == 4
    path.unlink()
    SqliteStore.create(path, RECIPE).close()
    assert [file.name for file in path.parent.iterdir()] == ["c.db"]


def test_an_index_that_an_early_version_saved_is_saved_anew_however_small(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SyncedIndex, "save_from", 8 * 2**20)
    store = SqliteStore.open(path)
    store.use_index(IndexChoice("hnsw"))
    store.close()
    saved = {file.name for file in path.parent.glob("c.db.vectors-*")}
    manifest = min(saved)
    for file in path.parent.glob("c.db.vectors-*"):
        file.unlink()
    early = [manifest.replace("vectors", kind) for kind in ("vectors", "exact")]
    for name in early:
        for ending in ("", ".hnsw", ".hnsw.json"):
            (path.parent / f"{name}{ending}").write_bytes(b"early")
    store = SqliteStore.open(path)
    store.search(np.ones((1, DIM), np.float32), 5)
    store.close()
    made = {file.name for file in path.parent.glob("c.db.*")}
    assert manifest in made
    assert len(made) == len(saved)
    assert not made & {*saved, f"{manifest}.hnsw", early[1]} - {manifest}


def test_auto_goes_by_size_and_says_why() -> None:
    choice, why = automatic(2_857, 320)
    assert (choice, "2,857 vectors of 320" in why) == (IndexChoice("exact"), True)
    choice, why = automatic(10_000_000, 320)
    assert (choice.kind, "too many" in why) == ("hnsw", True)
