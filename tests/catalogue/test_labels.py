"""Labels of images, by folder or by pairs."""

from pathlib import Path

import pytest

from imagefinder.catalogue.labels import folder_label, make_labeler
from imagefinder.types import File, Record


def record(path: Path | None, key: int = 7) -> Record:
    files = (File(str(path), 0),) if path else ()
    return Record(key, bytes(32), 1, 1, 1, files)


@pytest.mark.parametrize(
    ("path", "level", "label"),
    [
        ("/photos/cats/1.jpg", 1, "cats"),
        ("/photos/cats/1.jpg", 2, "photos"),
        ("/photos/cats/1.jpg", 3, None),
        ("cats/1.jpg", 1, "cats"),
        ("1.jpg", 1, None),
        ("/1.jpg", 1, None),
    ],
)
def test_a_folder_names_the_label(path: str, level: int, label: str | None) -> None:
    assert folder_label(path, level) == label


def test_images_of_one_folder_have_one_label(tmp_path: Path) -> None:
    label = make_labeler("folder")
    assert label(record(tmp_path / "cats" / "1.jpg")) == label(record(tmp_path / "cats" / "2.jpg"))
    assert label(record(None, 8)) != label(record(None, 9))


def test_pairs_are_joined_into_groups(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,relevant\na.jpg,b.jpg\nc.jpg,b.jpg\nd.jpg,000000000000000a\n")
    label = make_labeler(pairs)
    a, b, c, d = (label(record(tmp_path / f"{name}.jpg")) for name in "abcd")
    assert a == b == c != d
    assert label(record(None, 10)) == d
    assert label(record(tmp_path / "alone.jpg", 11)) == f"{11:016x}"
