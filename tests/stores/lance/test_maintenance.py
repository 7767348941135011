"""Versions are kept as long as they may be read, and damage says what can be done."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import lance
import numpy as np
import pyarrow as pa
import pytest

from imagefinder.errors import CatalogueDamaged, StoreError
from imagefinder.stores.lance import maintenance
from imagefinder.stores.lance.copying import LanceSnapshot
from imagefinder.stores.lance.maintenance import replaced_before
from imagefinder.stores.lance.snapshots import LocalRows
from imagefinder.stores.lance.store import LanceStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Recipe

from ...object_store import ObjectStore

RECIPE = Recipe("test", {}, 8, "cosine")
NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("caches")


def ages(*days: float) -> list[dict[str, object]]:
    """Versions of these ages, with times as the engine gives them."""
    return [
        {"version": number, "timestamp": (NOW - timedelta(some)).astimezone().replace(tzinfo=None)}
        for number, some in enumerate(days, 1)
    ]


@pytest.mark.parametrize(
    ("versions", "deleted"),
    [
        (ages(30), []),
        (ages(30, 0), []),
        (ages(30, 8, 6, 0), [1]),
        (ages(30, 29, 28), [1, 2]),
        ([], []),
    ],
)
def test_a_version_is_old_once_its_successor_is(
    versions: list[dict[str, object]], deleted: list[int]
) -> None:
    assert replaced_before(versions, NOW - timedelta(7)) == deleted


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A catalogue of four versions, each but the first with three images more."""
    path = tmp_path / "c.lance"
    with closing(LanceStore.create(path, RECIPE)) as store:
        for batch in range(3):
            store.write(random_entries(3, 8, first=3 * batch))
    yield path


def test_a_vacuum_deletes_all_but_the_newest(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "KEPT", timedelta(days=-1))  # all are old, as of tomorrow
    with closing(LanceStore.open(place)) as store:
        store.vacuum()
        newest = store.version
    with pytest.raises(StoreError, match=f"has no version 4, .*the newest is {newest}"):
        LanceStore.open(place, version=4)


def test_a_vacuum_leaves_what_was_the_newest_until_now(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long ago that was written: somebody may be reading it."""
    versions: list[dict[str, Any]] = lance.dataset(place).versions()  # type: ignore[assignment]
    written = versions[-1]["timestamp"].astimezone(UTC)
    long_ago = partial(replaced_before, moment=written)
    monkeypatch.setattr(maintenance, "replaced_before", lambda versions, _: long_ago(versions))
    with closing(LanceStore.open(place)) as reader, closing(LanceStore.open(place)) as store:
        reading = reader.iter_records()
        next(reading)
        store.remove_images(store.select(limit=1).tolist())
        store.vacuum()
        assert len(list(reading)) == 8
    with closing(LanceStore.open(place, version=4)) as before:
        assert len(before) == 9
    with pytest.raises(StoreError, match="has no version 3"):
        LanceStore.open(place, version=3)


def test_a_vacuum_takes_away_what_a_killed_writer_has_left(place: Path) -> None:
    old, new = (place / "data" / f"{age}.lance" for age in ("old", "new"))
    for file, days in ((old, 8), (new, 1)):
        file.write_bytes(b"half of it")
        then = (datetime.now(UTC) - timedelta(days)).timestamp()
        os.utime(file, (then, then))
    with closing(LanceStore.open(place)) as store:
        store.vacuum()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_vacuum_leaves_versions_that_another_program_has_tagged(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lance.dataset(place).tags.create("mine", 2)
    monkeypatch.setattr(maintenance, "KEPT", timedelta(days=-1))
    with closing(LanceStore.open(place)) as store:
        store.vacuum()
    with closing(LanceStore.open(place, version=2)) as tagged:
        assert len(tagged) == 3
    with pytest.raises(StoreError, match="has no version 3"):
        LanceStore.open(place, version=3)


@pytest.mark.parametrize("length", [0, 30])
def test_older_versions_can_be_read_though_the_newest_is_damaged(place: Path, length: int) -> None:
    newest = min((place / "_versions").glob("*.manifest"))  # their names count down
    newest.write_bytes(newest.read_bytes()[:length])
    with closing(LanceStore.open(place, version=3)) as store:
        assert len(store) == 6
    for version in (None, 4):
        with pytest.raises(CatalogueDamaged, match="read a version from before"):
            LanceStore.open(place, version=version)
    (damage,) = LanceStore.check(place)
    assert damage.what.startswith("what describes the catalogue: ")
    assert ".rs" not in damage.what


def test_writes_that_have_to_read_what_is_lost_say_so(place: Path) -> None:
    for data in (place / "data").iterdir():
        data.unlink()
    with closing(LanceStore.open(place)) as store:
        with pytest.raises(CatalogueDamaged, match="Not found"):
            store.write(random_entries(2, 8))
        with pytest.raises(CatalogueDamaged, match="Not found"):
            store.remove_files(["/none"])


READS: list[Callable[[LanceStore], object]] = [
    lambda store: list(store.iter_records()),
    lambda store: store.get([1]),
    lambda store: store.features(1),
    lambda store: store.signatures([1]),
    lambda store: store.lookup_paths(["/a"]),
    lambda store: store.column("path"),
    lambda store: store.select(where={"a": 1}),
    lambda store: list(store.iter_paths("/")),
    lambda store: store.search(np.zeros((1, 8), np.float32), 3),
    lambda store: store.write(random_entries(1, 8)),
    lambda store: store.remove_files(["/a"]),
    lambda store: LanceSnapshot(store._table.newest(), store._table.address).page(-1, 9),
    lambda store: LocalRows(store._table, 8).keys(),
    lambda store: LocalRows(store._table, 8).select([1]),
]


@pytest.mark.parametrize("read", READS)
def test_what_keys_may_not_do_is_not_taken_for_damage(
    object_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[LanceStore], object],
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        text = "External error: The operation lacked the necessary privileges, /a/b.rs:12:3"
        raise pa.ArrowInvalid(text)

    address = f"{object_store.bucket()}/c"
    with closing(LanceStore.create(address, RECIPE)) as store:
        store.write(random_entries(3, 8))
    with closing(LanceStore.open(address)) as store:
        monkeypatch.setattr(lance.LanceDataset, "scanner", refuse)
        with pytest.raises(StoreError, match="use keys that may read and write there") as raised:
            read(store)
    assert type(raised.value) is StoreError
