"""A catalogue is opened with what it was made with, and with nothing else."""

from pathlib import Path

import pytest

from imagefinder import Finder, RecipeMismatch, UnknownPlugin
from imagefinder.local_features.sift import Sift
from imagefinder.registry.factory import make_extractor
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Recipe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    local = make_extractor("sift", {"features": 50})
    Finder.create(tmp_path / "c.db", "dhash", local=local).close()
    return tmp_path / "c.db"


def test_an_extractor_is_found_again_with_its_options(path: Path) -> None:
    with Finder.open(path) as finder:
        assert finder.extractor == Sift(features=50)
    with Finder.open(path, "dhash", local=Sift(features=50)) as finder:
        assert finder.extractor == Sift(features=50)


def test_another_extractor_is_refused_with_the_options_that_differ(path: Path) -> None:
    with pytest.raises(RecipeMismatch, match=r"sift\(features=50\), so sift\(features=500\)"):
        Finder.open(path, local="sift")


def test_another_encoder_is_refused_with_both_names(path: Path) -> None:
    with pytest.raises(RecipeMismatch, match="made with dhash, so phash cannot"):
        Finder.open(path, "phash")


def test_none_is_added_to_a_catalogue_that_has_none(tmp_path: Path) -> None:
    Finder.create(tmp_path / "c.db", "dhash").close()
    with pytest.raises(RecipeMismatch, match="made without local features"):
        Finder.open(tmp_path / "c.db", local="sift")
    with Finder.open(tmp_path / "c.db") as finder:
        assert finder.extractor is None


def test_one_whose_package_is_missing_is_named(tmp_path: Path) -> None:
    bits = Recipe("dhash", {}, 8, "hamming")
    gone = Recipe("corners", {}, 16, "cosine")
    SqliteStore.create(tmp_path / "local.db", bits, None, gone).close()
    with pytest.raises(UnknownPlugin, match="needs 'corners': install its package"):
        Finder.open(tmp_path / "local.db")
    SqliteStore.create(tmp_path / "encoder.db", Recipe("eyes", {}, 8, "l2")).close()
    with pytest.raises(UnknownPlugin, match="needs 'eyes': install its package"):
        Finder.open(tmp_path / "encoder.db")


def test_a_refusal_lets_go_of_the_file(path: Path) -> None:
    with pytest.raises(RecipeMismatch):
        Finder.open(path, local="sift")
    assert [file.name for file in path.parent.iterdir()] == ["c.db"], "SQLite's own files are gone"


def test_a_page_that_cannot_be_is_refused_in_words(path: Path) -> None:
    with Finder.open(path) as finder:
        assert finder.page(2**70) == finder.page(0) == finder.page(after="f" * 16) == []
        with pytest.raises(ValueError, match="after: expected an image id"):
            finder.page(after="zz")
        with pytest.raises(ValueError, match="most: expected the number of images, not -1"):
            finder.page(-1)
