import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest

from imagefinder import CalibrationError, DiskFull, Finder, PluginError, duplicates
from imagefinder.images.transforms import COPIES
from imagefinder.near_duplicates.decisions import remember
from imagefinder.near_duplicates.report import html_report
from imagefinder.testing.gallery import draw_scene

from ..verification.test_calibrate import Corners, Grid

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four scenes; of the harbour a small copy, of the mosaic one that weighs more."""
    place = tmp_path / "images"
    place.mkdir()
    for scene in SCENES:
        draw_scene(scene).save(place / f"{scene}.jpg", quality=85)
    COPIES["quarter size"](draw_scene("harbour")).save(place / "a-small-harbour.jpg")
    draw_scene("mosaic").save(place / "mosaic-heavy.jpg", quality=98)
    return place


@pytest.fixture
def finder(tmp_path: Path, folder: Path) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db", Grid()) as finder:
        finder.add(folder)
        yield finder


def named(finder: Finder, **options: object) -> dict[str, list[str]]:
    found = duplicates(finder, **options)  # type: ignore[arg-type]
    return {
        Path(group.best.path or "").stem: [
            Path(copy.record.path or "").stem for copy in group.copies
        ]
        for group in found.groups
    }


def test_the_better_copy_is_named_and_why(finder: Finder) -> None:
    assert named(finder, threshold=0.9) == {
        "harbour": ["a-small-harbour"],
        "mosaic-heavy": ["mosaic"],
    }
    why = {group.why for group in duplicates(finder, threshold=0.9).groups}
    assert why == {"more pixels", "less compression"}


def test_blank_pages_are_no_copies_and_are_counted(finder: Finder, tmp_path: Path) -> None:
    blank = tmp_path / "blank"
    blank.mkdir()
    for level in (253, 254, 255):
        PIL.Image.new("RGB", (60, 80), (level, level, level)).save(blank / f"{level}.png")
    finder.add(blank)
    found = duplicates(finder, threshold=0.9)
    assert [Path(group.best.path or "").stem for group in found.groups] == [
        "mosaic-heavy",
        "harbour",
    ]
    assert found.undecided == 3
    assert {Path(one.path or "").parent for pair in found.undecided_examples for one in pair} == {
        blank
    }


@pytest.mark.parametrize("threshold", [float("nan"), float("inf")])
def test_a_threshold_is_a_finite_number(finder: Finder, threshold: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        duplicates(finder, threshold=threshold)


def test_links_are_no_duplicates(finder: Finder, folder: Path) -> None:
    (folder / "a-link.jpg").symlink_to("coral-reef.jpg")
    os.link(folder / "coral-reef.jpg", folder / "hard.jpg")
    finder.add(folder)
    assert "coral-reef" not in named(finder, threshold=0.9)


def test_the_best_of_a_group_is_one_that_exists(finder: Finder, folder: Path) -> None:
    (folder / "mosaic-heavy.jpg").unlink()
    found = duplicates(finder, threshold=0.9, verify="none")
    group = next(one for one in found.groups if "mosaic" in (one.best.path or ""))
    assert (Path(group.best.path or "").stem, group.why) == ("mosaic", "still there")


def test_the_first_path_of_a_group_is_one_that_exists(finder: Finder, folder: Path) -> None:
    for name in ("b", "c"):
        shutil.copy(folder / "coral-reef.jpg", folder / f"{name}.jpg")
    finder.add(folder)
    (folder / "b.jpg").unlink()
    found = duplicates(finder, threshold=0.9)
    group = next(one for one in found.groups if not one.copies)
    assert [Path(file.path).stem for file in group.best.files] == ["c", "coral-reef", "b"]


def test_pixels_part_what_scores_bring_together(finder: Finder) -> None:
    together = duplicates(finder, threshold=-1, verify="none")
    assert [len(group.copies) for group in together.groups] == [5]
    assert named(finder, threshold=-1) == named(finder, threshold=0.9)


def test_all_that_may_be_removed_are_the_same_image_as_the_best(tmp_path: Path) -> None:
    """Also where the image of most pixels is a changed copy, which is compared first."""
    for name in ("harbour", "coral-reef", "mosaic"):
        scene = draw_scene(name).resize((240, 160))
        scene.save(tmp_path / f"{name}.png")
        for change in ("border of 20 %", "rotated 10°", "70 % crop", "grayscale"):
            COPIES[change](scene).save(tmp_path / f"{name}-{change[:3]}.png")
        scene.resize((300, 200)).save(tmp_path / f"{name}-larger.png")
    with Finder.create(tmp_path / "c.db") as finder:
        finder.add(tmp_path)
        groups = duplicates(finder).groups
    copies = [copy for group in groups for copy in group.copies]
    assert {copy.verification.verdict for copy in copies} == {"same image"}
    members = [group.best.id for group in groups] + [copy.record.id for copy in copies]
    assert len(members) == len(set(members)) > 9, "none is in two groups"


def test_the_same_file_in_several_places_is_a_group(finder: Finder, folder: Path) -> None:
    shutil.copy(folder / "chessboard.jpg", folder / "again.jpg")
    finder.add(folder)
    (group,) = [g for g in duplicates(finder, threshold=0.9).groups if not g.copies]
    assert [Path(file.path).name for file in group.best.files] == ["again.jpg", "chessboard.jpg"]
    assert group.why == "the same file"


def test_files_that_are_gone_are_compared_by_their_signatures(finder: Finder, folder: Path) -> None:
    def together() -> set[frozenset[str]]:
        return {frozenset([best, *copies]) for best, copies in named(finder, threshold=0.9).items()}

    before = together()
    os.unlink(folder / "harbour.jpg")
    assert together() == before


def test_a_turned_copy_is_told_by_other_images(tmp_path: Path) -> None:
    """The files are alike in all else, but the turned one is earlier."""
    scene = draw_scene("harbour").resize((64, 64))
    scene.transpose(PIL.Image.Transpose.ROTATE_90).save(tmp_path / "turned.png")
    os.utime(tmp_path / "turned.png", ns=(0, 0))
    scene.save(tmp_path / "upright.png")
    pair = [str(tmp_path / "turned.png"), str(tmp_path / "upright.png")]
    with Finder.create(tmp_path / "c.db", Grid()) as finder:
        finder.add(pair)
        for number in range(1, 6):
            other = str(tmp_path / f"{number}.png")
            scene.rotate(number).save(other)
            finder.add(other)
            for one in pair:
                remember(finder.store, [one, other])
        found = duplicates(finder, threshold=-1, verify="none")
    (group,) = [group for group in found.groups if group.best.path in pair]
    assert group.best.path == pair[1]
    assert [copy.why for copy in group.copies] == [("upright",)]


def test_no_calibration_is_needed(finder: Finder) -> None:
    assert named(finder) == named(finder, threshold=0.9)
    with pytest.raises(CalibrationError, match="--threshold"):
        named(finder, verify="none")


def test_geometry_needs_local_features(finder: Finder) -> None:
    with pytest.raises(PluginError, match="--local"):
        named(finder, threshold=0.5, verify="geometry")


def test_geometry_decides_where_there_are_local_features(tmp_path: Path, folder: Path) -> None:
    with Finder.create(tmp_path / "local.db", Grid(), local="sift") as finder:
        finder.add(folder)
        assert "mosaic-heavy" in named(finder, threshold=0.5, verify="geometry")


def test_another_way_of_verifying_is_refused(finder: Finder) -> None:
    with pytest.raises(ValueError, match="pixels, geometry, none"):
        named(finder, verify="taste")


def test_encoders_with_several_rows_are_refused(tmp_path: Path, folder: Path) -> None:
    with Finder.create(tmp_path / "corners.db", Corners()) as finder:
        finder.add(folder)
        with pytest.raises(PluginError, match="several vectors per image"):
            duplicates(finder, threshold=0.9)


def test_an_empty_catalogue_has_no_copies(tmp_path: Path) -> None:
    with Finder.create(tmp_path / "empty.db", Grid()) as finder:
        assert duplicates(finder, threshold=0.9).groups == ()


def test_a_full_temporary_disk_is_an_error_and_no_crash(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFull, match=r"no space in .*TMPDIR.* bytes are needed"):
        named(finder, threshold=0.9)


def test_images_in_memory_are_compared(tmp_path: Path) -> None:
    with Finder.create(tmp_path / "memory.db", Grid()) as finder:
        finder.add([draw_scene("harbour"), COPIES["blur 3"](draw_scene("harbour"))])
        assert len(duplicates(finder, threshold=0.9, verify="none").groups) == 1
        (found,) = duplicates(finder).groups
        assert found.copies[0].verification.verdict == "same image"


def test_the_page_shows_each_group_and_needs_no_other_file(finder: Finder, folder: Path) -> None:
    odd = folder / "<b> & c.jpg"
    PIL.Image.open(folder / "coral-reef.jpg").resize((100, 80)).save(odd)
    finder.add(folder)
    page = "".join(html_report(duplicates(finder, threshold=0.9)))
    assert page.count('class="group"') == 3
    assert page.count("data:image/jpeg;base64,") == 6
    assert "<b>best</b>" in page
    assert "why the best is better: more pixels" in page
    assert "<b>same image (99." in page
    assert str(folder) in page
    assert "&lt;b&gt; &amp; c.jpg" in page
    assert 'src="http' not in page
