"""Copies that are moved to the trash."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagefinder import Finder, duplicates
from imagefinder.cli.app import app
from imagefinder.near_duplicates.selection import Selection, select
from imagefinder.near_duplicates.trash import trash
from imagefinder.testing.gallery import draw_scene

pytestmark = pytest.mark.usefixtures("with_stderr")


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the system's trash."""
    place = tmp_path / "trash"
    place.mkdir()

    def move(path: str) -> None:
        shutil.move(path, place / Path(path).name)

    monkeypatch.setattr("send2trash.send2trash", move)
    return place


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    """An image, a smaller copy of it, and a second file of that."""
    (tmp_path / "images").mkdir()
    scene = draw_scene("harbour")
    scene.resize((120, 80)).save(tmp_path / "images" / "large.png")
    scene.resize((60, 40)).save(tmp_path / "images" / "small.png")
    shutil.copy(tmp_path / "images" / "small.png", tmp_path / "images" / "again.png")
    with Finder.create(tmp_path / "c.db", "classic") as finder:
        finder.add(tmp_path / "images")
        yield finder


def selected(finder: Finder) -> Selection:
    return select(duplicates(finder, threshold=0.8).groups)


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_copies_are_moved_and_leave_the_catalogue(
    finder: Finder, tmp_path: Path, bin_: Path
) -> None:
    done = trash(finder.store, selected(finder))
    assert (len(done.files), done.failed) == (2, ())
    assert listed(bin_) == ["again.png", "small.png"]
    assert listed(tmp_path / "images") == ["large.png"]
    assert len(finder) == 1
    assert selected(finder).files == ()


def test_an_image_stays_with_its_other_files(finder: Finder, tmp_path: Path, bin_: Path) -> None:
    (one, _) = selected(finder).files
    trash(finder.store, Selection((one,), ()))
    (record,) = finder.store.get([one.record.key]).values()
    assert [file.path for file in record.files] != [one.path]
    assert len(record.files) == 1


def test_what_changes_in_between_stays(finder: Finder, tmp_path: Path, bin_: Path) -> None:
    selection = selected(finder)
    (tmp_path / "images" / "small.png").write_bytes(b"edited meanwhile")
    done = trash(finder.store, selection)
    assert [Path(one.path).name for one in done.files] == ["again.png"]
    assert "changed" in done.failed[0].reason


@pytest.mark.parametrize("replaced", [False, True])
def test_without_the_file_that_stays_nothing_moves(
    finder: Finder, tmp_path: Path, bin_: Path, replaced: bool
) -> None:
    selection = selected(finder)
    large = tmp_path / "images" / "large.png"
    large.unlink()
    if replaced:
        shutil.copy(tmp_path / "images" / "small.png", large)
    done = trash(finder.store, selection)
    assert (done.files, len(done.failed), listed(bin_)) == ((), 2, [])
    assert "large.png" in done.failed[0].reason


@pytest.mark.parametrize("error", [OSError("no trash on this disk"), RuntimeError("odd")])
def test_a_trash_that_fails_deletes_nothing(
    finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(path: str) -> None:
        raise error

    monkeypatch.setattr("send2trash.send2trash", refuse)
    done = trash(finder.store, selected(finder))
    assert (done.files, len(done.failed)) == ((), 2)
    assert str(error) in done.failed[0].reason
    assert len(listed(tmp_path / "images")) == 3
    assert len(finder) == 2


def cli(folder: Path, *args: str, given: str | None = None) -> tuple[int, str]:
    command = ["--db", str(folder / "c.db"), "duplicates", "--threshold", "0.8", *args]
    done = CliRunner().invoke(app, command, input=given)
    return done.exit_code, done.stdout


def test_where_nobody_can_be_asked_yes_is_needed(
    finder: Finder, tmp_path: Path, bin_: Path
) -> None:
    finder.close()
    assert cli(tmp_path, "--trash")[0] == 2
    assert listed(bin_) == []
    code, said = cli(tmp_path, "--trash", "--yes")
    assert (code, "2 files" in said) == (0, True)
    assert len(listed(bin_)) == 2


@pytest.mark.parametrize(("answer", "moved", "code"), [("n\n", 0, 1), ("y\n", 2, 0)])
def test_someone_at_a_terminal_is_asked(
    finder: Finder,
    tmp_path: Path,
    bin_: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    moved: int,
    code: int,
) -> None:
    finder.close()
    monkeypatch.setattr("imagefinder.cli.selected_files.is_terminal", lambda: True)
    assert cli(tmp_path, "--trash", given=answer)[0] == code
    assert len(listed(bin_)) == moved


def test_a_file_that_cannot_be_moved_is_exit_code_1(
    finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder.close()
    monkeypatch.setattr("send2trash.send2trash", lambda path: None)
    code, said = cli(tmp_path, "--trash", "--yes", "--json")
    document = json.loads(said)
    assert (code, document["trashed"]) == (1, [])
    assert {one["reason"] for one in document["left_out"]} == {"it is still there"}


def test_lists_of_files(finder: Finder, tmp_path: Path) -> None:
    finder.close()
    folder = tmp_path / "images"
    paths = [str(folder / "again.png"), str(folder / "small.png")]
    assert sorted(cli(tmp_path, "--select")[1].splitlines()) == paths
    assert sorted(cli(tmp_path, "--select", "--null")[1].split("\0")) == ["", *paths]
    document = json.loads(cli(tmp_path, "--select", "--json")[1])
    assert sorted(one["path"] for one in document["remove"]) == paths
    assert {one["kept"] for one in document["remove"]} == {str(folder / "large.png")}
    assert all("more pixels" in one["why"] for one in document["remove"])
    assert cli(tmp_path, "--script", str(tmp_path / "remove.sh"))[0] == 0
    assert os.fsencode(paths[0]) in (tmp_path / "remove.sh").read_bytes()
    assert cli(tmp_path, "--select", "--keep", "nowhere")[0] == 2
    assert cli(tmp_path, "--select", "--keep", str(folder))[1] == ""
    assert cli(tmp_path, "--keep", "nowhere")[0] == 2, "whatever is done with the groups"


def test_a_name_with_a_line_break_needs_null(finder: Finder, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "images" / "large.png", tmp_path / "images" / "two\nlines.png")
    finder.add(tmp_path / "images")
    finder.close()
    assert cli(tmp_path, "--select")[0] == 2
    assert "two\nlines.png\0" in cli(tmp_path, "--select", "--null")[1]


@pytest.mark.parametrize(
    "args",
    [
        ("--select", "--trash"),
        ("--null",),
        ("--select", "--null", "--json"),
        ("0123456789abcdef",),
        ("--decisions", "0123456789abcdef"),
        ("--not-duplicates",),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, finder: Finder, args: tuple[str, ...]
) -> None:
    finder.close()
    assert cli(tmp_path, *args)[0] == 2


def test_decisions_from_the_command_line(finder: Finder, tmp_path: Path) -> None:
    keys = finder.store.select().tolist()
    ids = sorted(record.id for record in finder.store.get(keys).values())
    finder.close()
    assert cli(tmp_path, "--decisions") == (0, "no decisions\n")
    assert cli(tmp_path, "--not-duplicates", *ids) == (0, f"no duplicates: {' '.join(ids)}\n")
    assert json.loads(cli(tmp_path, "--decisions", "--json")[1]) == {"not_duplicates": [ids]}
    groups = json.loads(cli(tmp_path, "--json")[1])["groups"]
    assert [len(group["copies"]) for group in groups] == [0]  # identical files are still told
    assert cli(tmp_path, "--forget-decisions", ids[0]) == (0, "no decisions\n")
