"""Patches of metadata, by the rules and the examples of RFC 7396."""

from pathlib import Path
from typing import Any

import pytest

from imagefinder import Finder
from imagefinder._utils.merge_patch import merged
from imagefinder.errors import NotFound

from ..conftest import drawn


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


def test_metadata_of_an_image_and_of_one_of_its_items(tmp_path: Path) -> None:
    with Finder.create(tmp_path / "shop.db", "classic") as finder:
        finder.add([drawn(1), drawn(2)], metadata=[{"price": 9, "sale": True}, {}])
        (found,) = finder.search(drawn(1), k=1)
        assert finder.patch_metadata(found.id, {"price": 8, "sale": None}).metadata == {"price": 8}
        finder.add(drawn(1), metadata=[{"price": 30}], items=["SKU-18"])
        with pytest.raises(ValueError, match="SKU-18"):
            finder.patch_metadata(found.id, {"price": 7})
        record = finder.patch_metadata(found.id, {"price": 31}, item="SKU-18")
        assert [item.metadata["price"] for item in record.items] == [8, 31]
        with pytest.raises(NotFound):
            finder.patch_metadata(found.id, {}, item="SKU-19")
        with pytest.raises(ValueError, match="JSON"):
            finder.patch_metadata(found.id, {"a": float("nan")}, item="SKU-18")


def test_a_patch_made_from_an_older_record_keeps_what_was_said_since(tmp_path: Path) -> None:
    with Finder.create(tmp_path / "shop.db", "classic") as finder:
        finder.add(drawn(1), metadata={"price": 9})
        (older,) = finder.page(1)
        finder.patch_metadata(older.id, {"sale": True})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Finder, "get", lambda *_: older)
            finder.patch_metadata(older.id, {"price": 8})
        assert finder.get(older.id).metadata == {"price": 8, "sale": True}
