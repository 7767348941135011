"""Signatures come with the images, and later for those that are stored without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from imagefinder import Finder
from imagefinder.catalogue import stages
from imagefinder.catalogue.reduction import reduce
from imagefinder.images.decode import decode
from imagefinder.images.formats import open_image
from imagefinder.images.inputs import Input
from imagefinder.images.signature import ncc_signature
from imagefinder.local_features.sift import Sift
from imagefinder.types import Image, Signature

from ..mean_color import Colours

Draw = Callable[..., Image]
COUNT = 5


@pytest.fixture
def files(tmp_path: Path, draw: Draw) -> list[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(COUNT):
        PIL.Image.fromarray(draw(seed)).save(folder / f"{seed}.png")
    return sorted(folder.iterdir())


@pytest.fixture
def finder(tmp_path: Path, files: list[Path]) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        finder.add(files)
        yield finder


@pytest.fixture
def old(finder: Finder, tmp_path: Path) -> Finder:
    """As an earlier version left it, without signatures."""
    # by the same library: a second copy of SQLite in one process would drop the locks of the first
    with closing(apsw.Connection(str(tmp_path / "c.db"))) as file:
        file.execute("DELETE FROM signatures")
    return finder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The paths of the files that are read from now on."""
    paths: list[str | None] = []
    identify = stages.identify

    def watched(given: Input, limits: Any) -> Any:
        paths.append(given.path)
        return identify(given, limits)

    monkeypatch.setattr(stages, "identify", watched)
    return paths


def assert_signed(finder: Finder, files: list[Path]) -> None:
    """Each of these, and no other image, has the signature of its file."""
    records = {record.path: record for record in finder.page()}
    found = finder.store.signatures([record.key for record in records.values()])
    assert found.keys() == {records[str(path)].key for path in files}
    for path in files:
        assert_same(found[records[str(path)].key], ncc_signature(path))
    assert finder.statistics().signatures == len(files)


def assert_same(one: Signature, other: Signature) -> None:
    assert_array_equal(one.pattern, other.pattern)
    assert_array_equal(one.chroma, other.chroma)
    assert (one.content, one.plain) == (other.content, other.plain)


def test_an_image_is_added_with_its_signature(finder: Finder, files: list[Path]) -> None:
    assert_signed(finder, files)


def test_an_image_in_memory_too(finder: Finder, draw: Draw) -> None:
    assert finder.add(draw(77)).added == 1
    (record,) = (record for record in finder.page() if not record.files)
    assert_same(finder.store.signatures([record.key])[record.key], ncc_signature(draw(77)))


def test_each_file_is_decoded_once(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def watched(*arguments: Any) -> Any:
        opened.append(1)
        return open_image(*arguments)

    monkeypatch.setattr("imagefinder.images.decode.open_image", watched)
    with Finder.create(tmp_path / "new.db", Colours()) as new:
        assert new.add(files).added == COUNT
    assert len(opened) == COUNT


@pytest.mark.parametrize("way", ["add", "sync", "checksum"])
def test_old_images_get_theirs_when_their_files_are_met(
    old: Finder, files: list[Path], read: list[str | None], way: str
) -> None:
    vectors = [old.store.features(record.key) for record in old.page()]
    if way == "sync":
        report = old.sync(files[0].parent)
    else:
        report = old.add(files, checksum=way == "checksum")
    assert (report.unchanged, report.done, report.failed) == (COUNT, COUNT, ())
    assert sorted(map(str, read)) == list(map(str, files))
    assert_signed(old, files)
    assert_array_equal(vectors, [old.store.features(record.key) for record in old.page()])
    read.clear()
    assert old.add(files).unchanged == COUNT
    assert read == [], "nothing is lacking any longer"


def test_another_file_of_an_old_image_gives_it_too(old: Finder, files: list[Path]) -> None:
    copy = files[0].with_name("copy.png")
    copy.write_bytes(files[0].read_bytes())
    assert old.add(copy).added == 1
    assert_signed(old, files[:1])


def test_metadata_stay_while_signatures_are_filled_in(old: Finder, files: list[Path]) -> None:
    old.add(files, metadata={"room": "kitchen"})
    assert_signed(old, files)
    assert all(record.metadata == {"room": "kitchen"} for record in old.page())


def test_an_old_image_that_cannot_be_decoded_any_longer_stays(
    old: Finder, files: list[Path], read: list[str | None]
) -> None:
    old.limits = replace(old.limits, max_pixels=100)
    report = old.add(files)
    assert (report.unchanged, report.failed) == (COUNT, ())
    old.limits = replace(old.limits, max_bytes=10)
    report = old.add(files)
    assert (report.unchanged, report.failed) == (COUNT, ())
    assert len(read) == 2 * COUNT
    assert len(old) == COUNT


def test_content_that_changed_unnoticed_is_noticed_then(
    old: Finder, files: list[Path], draw: Draw
) -> None:
    state = os.stat(files[0])
    PIL.Image.fromarray(draw(50)).save(files[0])
    content = files[0].read_bytes()
    files[0].write_bytes(content[: state.st_size] + bytes(state.st_size - len(content)))
    os.utime(files[0], ns=(state.st_atime_ns, state.st_mtime_ns))
    report = old.add(files[0])
    assert report.unchanged == 0
    assert report.updated + len(report.failed) == 1


def test_imported_images_get_theirs_from_their_files(
    finder: Finder, files: list[Path], tmp_path: Path
) -> None:
    finder.export_vectors(tmp_path / "v.npy")
    with Finder.create(tmp_path / "other.db", Colours()) as other:
        other.import_vectors(tmp_path / "v.npy")
        assert other.statistics().signatures == 0
        other.add(files)
        assert_signed(other, files)


@pytest.fixture
def classic(tmp_path: Path, files: list[Path]) -> Path:
    """A catalogue of an encoder that is found by its name."""
    with Finder.create(tmp_path / "c.db", "classic") as finder:
        finder.add(files)
    return tmp_path / "c.db"


def test_a_reduced_catalogue_has_them_too(classic: Path, files: list[Path]) -> None:
    with (
        Finder.open(classic) as finder,
        reduce(finder, classic.with_name("small.db"), dim=2) as smaller,
    ):
        assert_signed(smaller, files)


def test_a_repair_makes_a_damaged_one_anew(
    classic: Path, files: list[Path], tmp_path: Path
) -> None:
    with closing(apsw.Connection(str(tmp_path / "c.db"))) as file:
        file.execute("UPDATE signatures SET signature = zeroblob(9)")
    repairs = Finder.repair(tmp_path / "c.db")
    assert (len(repairs.found), repairs.lost) == (COUNT, [])
    assert repairs.encoded.unchanged == COUNT, "nothing is encoded again"
    with Finder.open(tmp_path / "c.db") as again:
        assert_signed(again, files)


def test_local_features_are_as_before(tmp_path: Path, files: list[Path]) -> None:
    sift = Sift(features=20)
    with Finder.create(tmp_path / "l.db", Colours(), local=sift) as finder:
        finder.add(files[0])
        (record,) = finder.page()
        (wanted,) = sift.extract([decode(files[0], sift.resize).pixels])
        (stored,) = finder.store.local_features([record.key]).values()
    np.testing.assert_allclose(stored.points, wanted.points, atol=1e-4)
