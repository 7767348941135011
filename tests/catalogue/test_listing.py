"""Listings: orders, folders, words and filters."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imagefinder.catalogue.listing import Listing, folders_in
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Entry, File, Item, Recipe, Record, Store, key_of

DIM = 4


def entry(number: int, path: str | None, **metadata: object) -> Entry:
    """An image whose size is its number, and whose file is as old."""
    sha256 = bytes([number] * 32)
    files = (File(path, 1000 - number),) if path else ()
    record = Record(key_of(sha256), sha256, number, 4, 3, files)
    return Entry(record, np.full((1, DIM), number, np.float32), metadata)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Four images, the third of which has no file."""
    store = SqliteStore.create(tmp_path / "c.db", Recipe("test", {}, DIM, "l2"))
    for one in (
        entry(3, "/photos/2024/Zebra.jpg", place="Café"),
        entry(1, "/photos/2024/may/apple.jpg", place="Rome", price=3),
        entry(4, None, note='says "apple"'),
        entry(2, "/photos/2023/boat.jpg", place="Rome", price=5),
    ):
        store.write([one])
    yield store
    store.close()


def numbers(store: Store, listing: Listing) -> list[int]:
    """The images of a listing by their sizes."""
    keys = listing.keys(store).tolist()
    records = store.get(keys)
    return [records[key].size for key in keys]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (Listing(), [2, 4, 1, 3]),
        (Listing("added", descending=False), [3, 1, 4, 2]),
        (Listing("size"), [4, 3, 2, 1]),
        (Listing("date"), [1, 2, 3, 4]),
        (Listing("date", descending=False), [3, 2, 1, 4]),
        (Listing("name", descending=False), [1, 2, 3, 4]),
        (Listing("size", folder="/photos/2024"), [3, 1]),
        (Listing("size", folder="/photos/2024/may"), [1]),
        (Listing("size", text="APPLE"), [4, 1]),
        (Listing("size", text='"apple"'), [4]),
        (Listing("size", text="rome boat"), [2]),
        (Listing("size", text="café"), [3]),
        (Listing("size", text="photos"), []),
        (Listing("size", where={"price": {"gt": 3}}), [2]),
        (Listing("size", where={"place": "Rome"}, folder="/photos/2024"), [1]),
    ],
    ids=str,
)
def test_images_are_listed(store: Store, listing: Listing, expected: list[int]) -> None:
    assert numbers(store, listing) == expected


def test_folders_are_a_tree(store: Store) -> None:
    assert folders_in(store) == {"/photos/2023": 1, "/photos/2024": 2}
    assert folders_in(store, "/photos/2024") == {"/photos/2024/may": 1}
    assert folders_in(store, "/photos/2024/may") == {}
    assert folders_in(store, "/elsewhere") == {}


def test_an_empty_catalogue_has_no_listing(tmp_path: Path) -> None:
    store = SqliteStore.create(tmp_path / "c.db", Recipe("test", {}, DIM, "l2"))
    assert numbers(store, Listing("name", text="a", folder="/b", where={"c": 1})) == []
    assert folders_in(store) == {}
    store.close()


def test_words_are_not_those_of_the_folders_of_items(store: Store) -> None:
    sha256 = bytes([1] * 32)
    place = "/photos/secret/pear.jpg"
    record = Record(key_of(sha256), sha256, 1, 4, 3, (File(place, 1),))
    store.write([Entry(record, None, [Item({"place": "Oslo"}, place)])])
    assert numbers(store, Listing(text="oslo")) == [1]
    assert numbers(store, Listing(text="rome apple")) == [1]  # the other item's
    assert numbers(store, Listing(text="secret")) == []
