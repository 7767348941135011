"""Which files to remove, as a list and as a script."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.near_duplicates.groups import DuplicateGroup, NearDuplicate
from imagefinder.near_duplicates.removal_script import quoted, removal_script
from imagefinder.near_duplicates.selection import IDENTICAL, Keep, Selection, kept_first, select
from imagefinder.types import File, Record, key_of
from imagefinder.verification.verify import Verification

Make = Callable[..., Record]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A record with files of this content."""

    def make(content: bytes, *names: str) -> Record:
        files = []
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(path):
                path.write_bytes(content)
                os.utime(path, ns=(number * 10**9, number * 10**9))
            files.append(File(str(path), number * 10**9))
        sha256 = hashlib.sha256(content).digest()
        return Record(key_of(sha256), sha256, len(content), 4, 4, tuple(files))

    return make


def group(best: Record, *copies: Record) -> DuplicateGroup:
    found = Verification("same image", True, 0.99)
    return DuplicateGroup(
        best, tuple(NearDuplicate(one, 0.9, found, ("in color",)) for one in copies)
    )


def names(selection: Selection) -> list[str]:
    return [Path(one.path).name for one in selection.files]


def test_the_file_that_stays_is_listed_first_and_links_last(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "d.jpg")
    record = make(b"same", "a copy.jpg", "d.jpg", "c.jpg", "a.jpg")
    assert [Path(place.path).name for place in kept_first(record)] == [
        "d.jpg",
        "c.jpg",
        "a copy.jpg",
        "a.jpg",
    ]
    assert Path(kept_first(record, Keep(newest=True))[0].path).name == "d.jpg", "a link leads to it"


def test_all_but_the_best_are_selected_and_why(make: Make, tmp_path: Path) -> None:
    best, copy = make(b"best", "b.jpg", "sub/b.jpg"), make(b"copy", "c.jpg", "sub/c.jpg")
    found = select([group(best, copy)])
    assert [(Path(one.path).relative_to(tmp_path), one.why) for one in found.files] == [
        (Path("sub/b.jpg"), (IDENTICAL,)),
        (Path("c.jpg"), ("in color",)),
        (Path("sub/c.jpg"), ("in color",)),
    ]
    assert {one.kept for one in found.files} == {str(tmp_path / "b.jpg")}
    assert (found.bytes, found.left_out) == (12, ())


@pytest.mark.parametrize(
    ("given", "rule", "kept"),
    [
        (("a.jpg", "b.jpg"), Keep(), "a.jpg"),
        (("a (1).jpg", "b.jpg"), Keep(), "b.jpg"),
        (("a.jpg", "b.jpg"), Keep(newest=True), "b.jpg"),
    ],
)
def test_which_of_identical_files_stays(
    make: Make, given: tuple[str, str], rule: Keep, kept: str
) -> None:
    (one,) = select([group(make(b"same", *given))], rule).files
    assert Path(one.kept).name == kept


def test_files_in_a_folder_stay(make: Make, tmp_path: Path) -> None:
    best, copy = make(b"best", "b.jpg", "safe/b.jpg"), make(b"copy", "c.jpg", "safe/c.jpg")
    found = select([group(best, copy)], Keep(folder=str(tmp_path / "safe")))
    assert names(found) == ["b.jpg", "c.jpg"]
    assert {one.kept for one in found.files} == {str(tmp_path / "safe" / "b.jpg")}
    assert [one.path for one in found.left_out] == [str(tmp_path / "safe" / "c.jpg")]


def test_links_are_not_selected(make: Make, tmp_path: Path) -> None:
    make(b"best", "b.jpg")
    (tmp_path / "soft.jpg").symlink_to("b.jpg")
    os.link(tmp_path / "b.jpg", tmp_path / "hard.jpg")
    best = make(b"best", "b.jpg", "soft.jpg", "hard.jpg")
    assert select([group(best)]).files == ()


def test_the_file_that_a_link_leads_to_stays(make: Make, tmp_path: Path) -> None:
    make(b"best", "a.jpg", "b.jpg")
    (tmp_path / "link.jpg").symlink_to("b.jpg")
    (one,) = select([group(make(b"best", "a.jpg", "b.jpg", "link.jpg"))]).files
    assert (Path(one.path).name, Path(one.kept).name) == ("a.jpg", "b.jpg")


@pytest.mark.parametrize("damage", [os.unlink, lambda path: Path(path).write_bytes(b"test")])
def test_without_the_best_nothing_is_selected(make: Make, damage: Callable[[str], object]) -> None:
    best, copy = make(b"best", "b.jpg"), make(b"copy", "c.jpg")
    damage(best.files[0].path)
    found = select([group(best, copy)])
    assert found.files == ()
    assert "no file of the best image" in found.left_out[0].reason


def test_another_file_of_the_best_is_enough(make: Make) -> None:
    best, copy = make(b"best", "b.jpg", "also.jpg"), make(b"copy", "c.jpg")
    os.unlink(best.files[0].path)
    (one,) = select([group(best, copy)]).files
    assert (Path(one.path).name, Path(one.kept).name) == ("c.jpg", "also.jpg")


def test_a_file_that_has_changed_is_not_selected(make: Make) -> None:
    best, copy = make(b"best", "b.jpg"), make(b"copy", "c.jpg")
    Path(copy.files[0].path).write_bytes(b"COPY")
    found = select([group(best, copy)])
    assert found.files == ()
    assert "sync" in found.left_out[0].reason


def test_images_in_memory_have_no_files(make: Make) -> None:
    assert select([group(make(b"best", "b.jpg"), make(b"copy"))]).files == ()


ODD = (
    "it's.jpg",
    "-rf.jpg",
    "two\nlines.jpg",
    "$(touch x) `y`.jpg",
    " ",
    os.fsdecode(b"\xff\xfe.jpg"),
)


@pytest.fixture
def script(make: Make, tmp_path: Path) -> Path:
    """Of a group with names that a shell may take for something else."""
    groups = [
        group(
            make(b"kept", "kept's"),
            *(make(os.fsencode(name), name) for name in ODD),
        )
    ]
    file = tmp_path / "remove.sh"
    file.write_bytes(b"".join(removal_script(select(groups))))
    return file


def run(script: Path, *args: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["/bin/sh", script, *args], cwd=script.parent, capture_output=True)


def test_the_script_moves_files_of_any_name(script: Path) -> None:
    done = run(script, "moved")
    assert (done.returncode, done.stderr) == (0, b"")
    moved = script.parent / "moved" / script.parent.relative_to("/")
    assert {path.name for path in moved.iterdir()} == set(ODD)
    assert {path.name for path in script.parent.iterdir()} == {"kept's", "remove.sh", "moved"}


def test_the_script_deletes_only_if_asked_to(script: Path) -> None:
    assert run(script).returncode == 2
    assert run(script, "--force").returncode == 2
    assert all((script.parent / name).exists() for name in ODD)
    assert run(script, "--delete").returncode == 0
    assert {path.name for path in script.parent.iterdir()} == {"kept's", "remove.sh"}


def test_the_script_leaves_all_without_the_file_that_stays(script: Path) -> None:
    (script.parent / "kept's").write_bytes(b"other")
    done = run(script, "--delete")
    assert done.returncode == 1
    assert done.stderr.count(b"left: ") == len(ODD)
    assert all((script.parent / name).exists() for name in ODD)


def test_the_script_leaves_a_file_that_has_grown(script: Path) -> None:
    (script.parent / "-rf.jpg").write_bytes(b"something longer")
    done = run(script, "moved")
    assert (done.returncode, (script.parent / "-rf.jpg").exists()) == (1, True)


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_quoting_keeps_every_byte(name: bytes) -> None:
    word = quoted(os.fsdecode(name))
    assert word[:1] == word[-1:] == b"'"
    assert word[1:-1].replace(b"'\\''", b"'") == name
    assert b"'" not in word[1:-1].replace(b"'\\''", b"")
