"""Several items that share one image: each keeps its own metadata."""

from pathlib import Path
from shutil import copy

import PIL.Image
import pytest

from imagefinder import Finder, Item
from imagefinder.images.metadata import MAX_ITEMS

from ..conftest import drawn

RED = {"sku": "17", "price": 9.5}
BLUE = {"sku": "18", "price": 30}


@pytest.fixture
def finder(tmp_path: Path) -> Finder:
    return Finder.create(tmp_path / "shop.db", "classic")


def photo(path: Path, seed: int = 1) -> Path:
    path.parent.mkdir(exist_ok=True)
    PIL.Image.fromarray(drawn(seed)).save(path)
    return path


def found(finder: Finder, query: Path, where: dict[str, object]) -> list[str]:
    return [hit.id for hit in finder.search(query, where=where)]


def test_each_of_two_files_with_one_image_is_found_by_its_price(
    finder: Finder, tmp_path: Path
) -> None:
    first = photo(tmp_path / "a" / "17.png")
    second = Path(copy(first, tmp_path / "a" / "18.png"))
    finder.add([first, second, photo(tmp_path / "a" / "x.png", 2)], metadata=[RED, BLUE, {}])
    (hit,) = finder.search(first, k=1)
    assert hit.items == (Item(RED, str(first)), Item(BLUE, str(second)))
    assert hit.metadata == RED
    assert found(finder, first, {"price": {"lt": 10}}) == [hit.id]
    assert found(finder, first, {"price": {"gt": 10}}) == [hit.id]
    assert found(finder, first, {"sku": "17", "price": 30}) == [], "no item is both"
    again = finder.add([first, second], metadata=[RED, BLUE | {"price": 31}])
    assert (again.unchanged, again.updated) == (1, 1)
    assert [item.metadata["price"] for item in finder.get(hit.id).items] == [9.5, 31]


def test_items_of_one_file_are_told_apart_by_their_ids(finder: Finder, tmp_path: Path) -> None:
    file = photo(tmp_path / "a" / "chair.png")
    finder.add([file, file], metadata=[RED, BLUE], items=["SKU-17", "SKU-18"])
    (record,) = finder.page()
    assert [(item.id, item.metadata) for item in record.items] == [
        ("SKU-17", RED),
        ("SKU-18", BLUE),
    ]
    finder.add(file, metadata={}, items=["SKU-17"])
    (record,) = finder.page()
    assert record.items == (Item(BLUE, str(file), "SKU-18"),)
    with pytest.raises(ValueError, match="item's id"):
        finder.add(file, metadata=RED, items=[""])


def test_metadata_follow_a_file_that_is_moved(finder: Finder, tmp_path: Path) -> None:
    first = photo(tmp_path / "a" / "17.png")
    second = Path(copy(first, tmp_path / "a" / "18.png"))
    finder.add([first, second], metadata=[RED, BLUE])
    moved = first.rename(tmp_path / "a" / "z.png")
    finder.sync(tmp_path / "a")
    (record,) = finder.page()
    assert record.items == (Item(BLUE, str(second)), Item(RED, str(moved)))
    second.unlink()
    finder.sync(tmp_path / "a")
    (record,) = finder.page()
    assert record.items == (Item(RED, str(moved)),), "what was said of a file goes with it"


def test_what_is_too_much_is_said(finder: Finder, tmp_path: Path) -> None:
    file = photo(tmp_path / "a" / "blank.png")
    ids = [f"SKU-{number}" for number in range(MAX_ITEMS)]
    finder.add([file] * MAX_ITEMS, metadata=[{"n": n} for n in range(MAX_ITEMS)], items=ids)
    report = finder.add(file, metadata={"n": -1}, items=["another"])
    assert [warning.reason for warning in report.warnings] == [
        f"nothing new is said of it: {MAX_ITEMS} items share its image already"
    ]
    (record,) = finder.page()
    assert len(record.items) == MAX_ITEMS


def test_items_survive_an_export(finder: Finder, tmp_path: Path) -> None:
    file = photo(tmp_path / "a" / "chair.png")
    finder.add([file, file], metadata=[RED, BLUE], items=["SKU-17", "SKU-18"])
    finder.export_vectors(tmp_path / "vectors.npy")
    with Finder.create(tmp_path / "other.db", "classic") as other:
        other.import_vectors(tmp_path / "vectors.npy")
        (ours,), (theirs,) = finder.page(), other.page()
        assert theirs.items == ours.items
