import os
from pathlib import Path

import pytest

from imagefinder.images.locations import Location, count_files, living_first, locations
from imagefinder.types import File, Record


def record(*paths: Path) -> Record:
    return Record(1, b"", 1, 1, 1, tuple(File(str(path), 0) for path in sorted(paths)))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    photo = tmp_path / "photos/photo.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"pixels")
    return photo


def symbolic(photo: Path) -> Path:
    link = photo.with_name("a-link.jpg")
    link.symlink_to(photo.name)
    return link


def hard(photo: Path) -> Path:
    link = photo.with_name("z-hard.jpg")
    os.link(photo, link)
    return link


def folder(photo: Path) -> Path:
    alias = photo.parent.with_name("alias")
    alias.symlink_to(photo.parent)
    return alias / photo.name


@pytest.mark.parametrize("link", [symbolic, hard, folder])
def test_a_link_is_no_second_file(photo: Path, link) -> None:  # type: ignore[no-untyped-def]
    other = link(photo)
    found = record(photo, other)
    assert locations(found) == [
        Location(str(photo), "file"),
        Location(str(other), "link", str(photo)),
    ]
    assert count_files(found) == 1


def test_a_copy_is_a_second_file_and_what_is_gone_is_none(photo: Path) -> None:
    copy = photo.with_name("copy.jpg")
    copy.write_bytes(b"pixels")
    found = record(photo, copy, photo.with_name("a-gone.jpg"))
    assert [location.state for location in locations(found)] == ["file", "file", "gone"]
    assert count_files(found) == 2
    assert count_files(record(photo.with_name("gone.jpg"))) == 0


def test_living_paths_come_first_and_of_these_the_ones_in_the_folders(photo: Path) -> None:
    link, gone, copy = symbolic(photo), photo.with_name("0.jpg"), photo.parent.with_name("copy.jpg")
    copy.write_bytes(b"pixels")
    found = record(photo, link, gone, copy)
    assert [Path(file.path) for file in living_first(found).files] == [copy, photo, link, gone]
    inside = living_first(found, [str(photo.parent)])
    assert [Path(file.path) for file in inside.files] == [photo, link, copy, gone]
