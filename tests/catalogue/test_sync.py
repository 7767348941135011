from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, NotFound
from imagefinder.catalogue import mounts, sync
from imagefinder.catalogue.absence import absent_folders
from imagefinder.images.inputs import Input
from imagefinder.types import Entry, File, Report

from ..mean_color import Colours


def draw(folder: Path, count: int, start: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(start, start + count):
        pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{seed:03}.png")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """3 images, and 10 more on a disk below."""
    draw(tmp_path / "root", 3)
    draw(tmp_path / "root" / "disk", 10, 100)
    return tmp_path / "root"


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        yield finder


def empty(folder: Path, *left: str) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    for name in left:
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).touch()


def test_a_disk_that_comes_back_in_the_midst_of_a_sync_keeps_its_images(
    finder: Finder, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder.sync(root)
    (root / "disk").rename(tmp_path / "away")

    def come_back(*given: Any) -> dict[str, str]:
        (tmp_path / "away").rename(root / "disk")
        return absent_folders(*given)

    monkeypatch.setattr(sync, "absent_folders", come_back)
    assert finder.sync(root).removed == 0
    assert len(finder) == 13


LEFTOVERS = [(), (".DS_Store",), ("Thumbs.db",), ("lost+found/",), (".nfs0001", "notes.txt")]


@pytest.mark.parametrize("left", LEFTOVERS)
def test_an_emptied_folder_keeps_its_images_and_all_else_is_done(
    finder: Finder, root: Path, left: tuple[str, ...]
) -> None:
    finder.sync(root)
    empty(root / "disk", *left)
    (root / "000.png").unlink()
    draw(root, 1, 50)
    report = finder.sync(root)
    assert (report.added, report.removed, len(finder)) == (1, 1, 13)
    assert [one.path for one in report.kept] == [str(root / "disk")]
    assert "(10 files)" in report.kept[0].reason
    assert "--force" in report.kept[0].reason
    assert finder.sync(root, force=True).removed == 10
    assert finder.sync(root).kept == ()


@pytest.mark.parametrize("left", LEFTOVERS)
def test_an_emptied_root_is_refused_whatever_was_left(
    finder: Finder, root: Path, left: tuple[str, ...]
) -> None:
    finder.sync(root)
    empty(root, *left)
    with pytest.raises(NotFound, match=r"is its disk mounted\?.*--force"):
        finder.sync(root)
    assert len(finder) == 13
    assert finder.sync(root, force=True).removed == 13


def test_empty_folders_within_an_emptied_one_do_not_count(finder: Finder, root: Path) -> None:
    for year in range(4):
        draw(root / "disk" / f"{year}" / "deep", 2, 200 + 10 * year)
    finder.sync(root)
    empty(root / "disk", "0/", "1/", "lost+found/")
    report = finder.sync(root)
    assert [one.path for one in report.kept] == [str(root / "disk")]
    assert len(finder) == 21


def test_a_deleted_folder_is_followed(finder: Finder, root: Path) -> None:
    finder.sync(root)
    shutil.rmtree(root / "disk")
    report = finder.sync(root)
    assert (report.removed, report.kept) == (10, ())


def test_a_few_deleted_images_are_followed(finder: Finder, root: Path) -> None:
    draw(root / "small", 4, 300)
    finder.sync(root)
    empty(root / "small")
    report = finder.sync(root)
    assert (report.removed, report.kept) == (4, ())


def test_moved_images_are_not_lost_and_need_no_force(finder: Finder, root: Path) -> None:
    finder.add(root, metadata={"album": "holidays"})
    for image in (root / "disk").iterdir():
        image.rename(root / image.name)
    report = finder.sync(root)
    assert (report.added, report.removed, report.kept) == (10, 10, ())
    assert all(record.metadata for record in finder.page())


class Disks:
    """Mount points that are not real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ids: dict[str, int] = {}
        monkeypatch.setattr(os.path, "ismount", self._is_mount)
        monkeypatch.setattr(mounts, "_disk", lambda point: self.ids.get(point, 0))

    def _is_mount(self, path: object) -> bool:
        return str(path) in {"/", *self.ids}


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> Disks:
    return Disks(monkeypatch)


def test_a_disk_whose_mount_point_is_gone_too_keeps_its_images(
    finder: Finder, root: Path, disks: Disks, tmp_path: Path
) -> None:
    disk, beside = root / "disk", tmp_path / "elsewhere"
    disks.ids = {str(disk): 7}
    finder.add(disk)
    finder.sync(root)
    disks.ids = {}
    shutil.move(disk, beside)
    for _ in range(2):
        assert f"nothing is mounted at {disk}" in finder.sync(root).kept[0].reason
    shutil.move(beside, disk)
    disks.ids = {str(disk): 7}
    assert finder.sync(root).kept == ()
    next(disk.iterdir()).unlink()
    assert finder.sync(root).removed == 1, "deleted while the disk is there"


def test_a_root_whose_disk_is_away_but_that_has_other_images_now_keeps_its_own(
    finder: Finder, root: Path, disks: Disks
) -> None:
    disks.ids = {str(root.parent): 7}
    finder.sync(root)
    disks.ids = {}
    empty(root)
    draw(root, 2, 400)
    report = finder.sync(root)
    assert (report.added, report.removed, len(report.kept)) == (2, 0, 1)
    assert len(finder) == 15


def test_another_disk_at_the_same_place_is_not_the_first(
    finder: Finder, root: Path, disks: Disks
) -> None:
    disks.ids = {str(root / "disk"): 7}
    finder.add(root / "disk")
    disks.ids = {str(root / "disk"): 8}
    empty(root / "disk")
    draw(root / "disk", 2, 400)
    finder.add(root / "disk")
    report = finder.sync(root)
    assert "another disk is mounted" in report.kept[0].reason
    assert len(finder) == 15
    assert finder.sync(root, force=True).removed == 10
    assert finder.sync(root).kept == ()


def test_a_link_that_leads_to_a_disk_that_is_away_keeps_its_images(
    finder: Finder, root: Path, tmp_path: Path
) -> None:
    shutil.move(root / "disk", tmp_path / "disk")
    (root / "link").symlink_to(tmp_path / "disk")
    (root / "one.png").symlink_to(tmp_path / "disk" / "100.png")
    finder.sync(root)
    finder.add(root / "link")
    shutil.move(tmp_path / "disk", tmp_path / "away")
    report = finder.sync(root)
    assert [one.path for one in report.kept] == [str(root / "link")]
    assert (report.removed, len(finder)) == (0, 13)


def test_a_link_whose_file_was_deleted_is_gone(finder: Finder, root: Path, tmp_path: Path) -> None:
    shutil.move(root / "disk", tmp_path / "disk")
    (root / "one.png").symlink_to(tmp_path / "disk" / "100.png")
    finder.sync(root)
    (tmp_path / "disk" / "100.png").unlink()
    assert finder.sync(root).removed == 1


@pytest.mark.parametrize("number", ["EIO", "ESTALE", "ENOTCONN", "EACCES"])
def test_a_file_that_cannot_be_examined_is_not_gone(
    finder: Finder, root: Path, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    finder.sync(root)
    real = os.stat

    def broken(path: object, *args: object, **named: object) -> os.stat_result:
        if str(path).startswith(f"{root}/disk/"):
            raise OSError(getattr(errno, number), "broken", str(path))
        return real(path, *args, **named)  # type: ignore[arg-type]

    shutil.move(root / "disk", root.parent / "elsewhere")
    (root / "disk").mkdir()
    monkeypatch.setattr(os, "stat", broken)
    report = finder.sync(root)
    monkeypatch.undo()
    assert (report.removed, len(finder)) == (0, 13)


def test_a_root_that_is_a_link_is_followed(finder: Finder, root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert finder.sync(tmp_path / "link").added == 13
    (tmp_path / "link").unlink()
    with pytest.raises(NotFound, match="there is no folder"):
        finder.sync(tmp_path / "link")
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    with pytest.raises(NotFound, match="there is no folder"):
        finder.sync(tmp_path / "link")
    assert len(finder) == 13


@pytest.mark.parametrize("year", [1601, 1901, 1960, 2263, 2300, 2440])
def test_a_file_of_any_time_is_added_and_then_unchanged(
    finder: Finder, root: Path, year: int
) -> None:
    seconds = int((year - 1970) * 365.2425 * 86_400)
    try:
        os.utime(root / "000.png", (seconds, seconds))
    except (OSError, OverflowError):
        pytest.skip("this file system has no such time")
    assert finder.add(root).added == 13
    assert finder.sync(root).unchanged == 13
    assert finder.export_vectors(root.parent / "v.npy") == 13
    with Finder.create(root.parent / "other.db", Colours()) as other:
        assert other.import_vectors(root.parent / "v.npy").added == 13


def test_only_a_checksum_notices_a_content_of_the_same_size_and_time(
    finder: Finder, tmp_path: Path
) -> None:
    root = tmp_path / "bmp"
    root.mkdir()
    path = root / "a.bmp"
    for level in (0, 255):
        PIL.Image.new("RGB", (4, 4), (level, 9, 9)).save(path)
        os.utime(path, (1, 1))
        if not len(finder):
            finder.add(root)
    assert finder.add(root).unchanged == finder.sync(root).unchanged == 1
    assert finder.sync(root, checksum=True).updated == 1
    assert finder.add(root, checksum=True).unchanged == 1


def metadata_of(finder: Finder, path: Path) -> dict[str, object]:
    key = finder.store.lookup_paths([str(path)])[str(path)].key
    return dict(finder.store.get([key])[key].metadata)


@pytest.mark.parametrize("checksum", [False, True])
def test_a_file_that_is_edited_keeps_its_metadata(
    finder: Finder, root: Path, checksum: bool
) -> None:
    edited, copied, copy = root / "000.png", root / "001.png", root / "copy.png"
    shutil.copyfile(copied, copy)
    finder.add([edited, copied, root / "002.png"], metadata=[{"a": 0}, {"a": 1}, {"a": 2}])
    finder.add(root)
    PIL.Image.new("RGB", (5, 5), "red").save(edited)
    PIL.Image.new("RGB", (6, 6), "blue").save(copied)
    assert finder.sync(root, checksum=checksum).updated == 2
    assert metadata_of(finder, edited) == {"a": 0}
    assert metadata_of(finder, copy) == {"a": 1}, "they stay with the content that stays"
    assert metadata_of(finder, copied) == {"a": 1}, "and with the file"
    shutil.copyfile(root / "002.png", edited)
    finder.sync(root, checksum=checksum)
    assert metadata_of(finder, edited) == {"a": 2}, "content that is known has its own"
    PIL.Image.new("RGB", (7, 7), "green").save(copy)
    finder.add(copy, metadata={"b": 3})
    assert metadata_of(finder, copy) == {"b": 3}, "what is given counts"


def test_an_imported_file_counts_as_added_once_it_is_added(finder: Finder, root: Path) -> None:
    finder.add(root / "000.png")
    (record,) = finder.page()
    imported = (File(str(root / "000.png"), record.files[0].mtime_ns, "imported"),)
    finder.remove(root / "000.png")
    features = finder.encoder.encode([np.zeros((2, 2, 3), np.uint8)])[0]
    finder.store.write([Entry(replace(record, files=imported), features)])
    assert finder.sync(root).added == 12
    assert {file.origin for record in finder.page() for file in record.files} == {"added"}


def skipped_in(report: Report) -> dict[str, int]:
    return dict(report.skipped)


def test_a_report_says_what_was_passed_over(finder: Finder, root: Path) -> None:
    (root / "IMG_1.NEF").touch()
    (root / "disk" / "@eaDir").mkdir()
    for report in (finder.add(root), finder.sync(root)):
        assert skipped_in(report) == {"raw": 1, "excluded": 1}
        assert report.skipped_examples["excluded"] == (str(root / "disk" / "@eaDir"),)


def test_excluded_globs_are_kept_and_may_be_taken_back(finder: Finder, root: Path) -> None:
    finder.exclude(["*.gif", "disk/"])
    finder.exclude(["*.gif"])
    assert finder.excluded == ["disk/", "*.gif"]
    assert finder.sync(root).added == 3
    assert finder.add(root / "disk" / "100.png").added == 1, "it was named"
    assert finder.sync(root).removed == 0
    finder.include(["disk/", "@eaDir"])
    assert finder.excluded == ["*.gif", "!@eaDir"]
    assert finder.sync(root).added == 9
    finder.exclude(["@eaDir"])
    assert finder.excluded == ["*.gif", "@eaDir"]


def test_what_is_excluded_when_removed_stays_out(finder: Finder, root: Path) -> None:
    finder.sync(root)
    one = next(record for record in finder.page() if record.path == str(root / "000.png"))
    report = finder.remove([root / "disk", one.id, root / "nothing"], exclude=True)
    assert (report.removed, len(report.failed)) == (11, 1)
    assert finder.sync(root).added == 0
    assert finder.excluded == [str(root / "disk"), str(root / "000.png")]
    finder.include([str(root / "disk")])
    assert finder.sync(root).added == 10
    assert finder.add(Input(root / "000.png")).added == 1


def test_a_truncated_image_is_added_with_a_warning_or_refused(
    finder: Finder, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    finder.limits = replace(finder.limits, allow_truncated=False)
    (failure,) = finder.add(tmp_path / "a.jpg").failed
    assert "truncated" in failure.reason
    finder.limits = replace(finder.limits, allow_truncated=True)
    report = finder.add(tmp_path / "a.jpg")
    assert (report.added, report.failed) == (1, ())
    assert [(one.path, "truncated" in one.reason) for one in report.warnings] == [
        (str(tmp_path / "a.jpg"), True)
    ]
    assert finder.add(tmp_path / "a.jpg").unchanged == 1


def test_excluded_images_stay_and_are_told_until_they_are_removed(
    finder: Finder, root: Path
) -> None:
    finder.sync(root)
    finder.exclude(["disk/", "000.png"])
    report = finder.sync(root)
    assert (report.removed, len(finder)) == (0, 13)
    assert "11 files that are excluded" in report.warnings[0].reason
    report = finder.sync(root, remove_excluded=True)
    assert (report.removed, report.warnings, len(finder)) == (11, (), 2)
    assert finder.sync(root).warnings == ()


def test_images_with_copies_elsewhere_do_not_hide_those_without(
    finder: Finder, root: Path, tmp_path: Path
) -> None:
    shutil.copytree(root / "disk", tmp_path / "backup")
    (tmp_path / "backup" / "100.png").unlink()
    finder.add([root, tmp_path / "backup"])
    empty(root / "disk")
    report = finder.sync(root)
    assert (report.removed, len(report.kept)) == (0, 1)


def test_a_disk_behind_a_link_stays_noted(finder: Finder, root: Path, disks: Disks) -> None:
    far = root.parent / "far"
    disks.ids = {str(far): 7}
    draw(far / "pics", 2, 500)
    (root / "link").symlink_to(far / "pics")
    finder.add(root / "link")
    finder.sync(root)
    disks.ids = {}
    empty(far / "pics")
    assert "nothing is mounted" in finder.sync(root).kept[0].reason


def test_globs_that_several_programs_keep_at_once_are_all_kept(
    finder: Finder, tmp_path: Path
) -> None:
    def keep(name: int) -> None:
        with Finder.open(tmp_path / "c.db", Colours()) as other:
            for number in range(4):
                other.exclude([f"{name}-{number}"])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(keep, range(6)))
    assert sorted(finder.excluded) == sorted(f"{n}-{m}" for n in range(6) for m in range(4))


@pytest.mark.parametrize("tells", [True, False], ids=["changed", "whole"])
def test_a_file_may_become_a_folder_and_a_folder_a_file(
    finder: Finder, root: Path, tells: bool
) -> None:
    finder.add(root)
    turned = root / "000.png"
    inside = turned / "inside.png"
    data = turned.read_bytes()
    changed = [str(turned), str(inside)] if tells else None

    turned.unlink()
    draw(turned, 1, 200)
    finder.sync(root, changed=changed)
    assert set(finder.store.iter_paths(str(turned))) == {str(turned / "200.png")}
    assert not finder.store.lookup_paths([str(turned)])

    shutil.rmtree(turned)
    turned.write_bytes(data)
    finder.sync(root, changed=changed)
    assert not list(finder.store.iter_paths(str(turned)))
    assert finder.store.lookup_paths([str(turned)])
