"""Columns of metadata that are kept between filters: never those of another version."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from imagefinder.stores.lance.store import LanceStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Recipe

pytestmark = pytest.mark.usefixtures("caches")


def test_a_filter_sees_what_was_written_since(tmp_path: Path) -> None:
    entries = [
        replace(entry, metadata={"n": number, **{f"n{n}": number for n in range(20)}})
        for number, entry in enumerate(random_entries(6, 4))
    ]
    keys = [entry.record.key for entry in entries]
    with closing(LanceStore.create(tmp_path / "c.lance", Recipe("test", {}, 4, "cosine"))) as store:
        store.write(entries[:4])
        assert store.select(where={"n": 3}).tolist() == [keys[3]]
        store.write([replace(entries[0], metadata={"n": 3}), *entries[4:]])
        assert store.select(where={"n": 3}).tolist() == sorted([keys[0], keys[3]])
        store.remove_images([keys[3]])
        assert store.select(where={"n": 3}).tolist() == [keys[0]]
        with closing(LanceStore.open(tmp_path / "c.lance")) as other:
            other.write([replace(entries[1], metadata={"n": 3})])
        assert store.select(where={"n": 3}).tolist() == sorted(keys[:2])
        for n in range(20):
            assert store.select(where={f"n{n}": {"gte": 4}, "n": {"ne": 5}}).tolist() == [keys[4]]


def test_pages_of_a_filter(tmp_path: Path) -> None:
    entries = [replace(entry, metadata={"n": 1}) for entry in random_entries(9, 4)]
    keys = sorted(entry.record.key for entry in entries)
    with closing(LanceStore.create(tmp_path / "c.lance", Recipe("test", {}, 4, "cosine"))) as store:
        store.write(entries)
        assert store.select(where={"n": "1"}, after=keys[1], limit=3).tolist() == keys[2:5]
        assert store.select(["/random/3"], {"n": 1}).tolist() == [entries[3].record.key]
