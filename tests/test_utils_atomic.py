"""Atomic writes: what killed programs left goes, what others are writing stays."""

import fcntl
import os
from pathlib import Path

import pytest

from imagefinder._utils.atomic import (
    atomic_write,
    remove_abandoned,
    token_of,
    tokens_in_progress,
)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def write(path: Path, text: str = "new") -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text(text)


def test_the_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, "old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as unfinished:
        unfinished.write_text("half")
        assert unfinished.suffix == ".txt"
        _ = 1 / 0
    assert path.read_text() == "old"
    write(path)
    assert (path.read_text(), names(tmp_path)) == ("new", {"a.txt"})


def test_its_permissions_are_set_from_the_start(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "secret", mode=0o600) as unfinished:
        assert unfinished.stat().st_mode & 0o777 == 0o600
        unfinished.write_text("key")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_what_a_killed_program_left_goes_with_the_next_write(tmp_path: Path) -> None:
    left = tmp_path / ".4711-0123abcd-a.txt"
    left.write_bytes(bytes(1000))
    write(tmp_path / "b.txt")
    assert left.exists(), "it was to become another file"
    with atomic_write(tmp_path / "a.txt", sweep=False):
        assert left.exists()
    write(tmp_path / "a.txt")
    assert names(tmp_path) == {"a.txt", "b.txt"}


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_write(path) as slow:
        slow.write_text("slow")
        write(path, "quick")
        assert slow.exists()
        assert tokens_in_progress(path) == {token_of(slow)}
    assert path.read_text() == "slow"


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "4711-0123abcd-a.txt",
        ".4711-0123abcd-a.txt.bak",
        ".4711-0123abcg-a.txt",
        ".4711-0123abcd-",
        ".4711-0123abcda-a.txt",
        ".x-0123abcd-a.txt",
        ".20261127-20261126-a.txt",
        ".4711-0123abcd-A.txt",
    ],
)
def test_other_names_are_not_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    remove_abandoned(tmp_path, "a.txt".__eq__)
    assert (tmp_path / name).read_text() == "mine"


def test_only_regular_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".1-0123abcd-a.txt").mkdir()
    (tmp_path / ".2-0123abcd-a.txt").symlink_to("mine")
    os.mkfifo(tmp_path / ".3-0123abcd-a.txt")
    before = names(tmp_path)
    write(tmp_path / "a.txt")
    assert names(tmp_path) == {*before, "a.txt"}


def test_a_temporary_file_that_is_swept_away_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock = tmp_path / "a.txt", fcntl.flock
    swept: list[Path] = []

    def late(descriptor: int, how: int) -> None:
        if not swept:
            swept.append(path)
            remove_abandoned(tmp_path, path.name.__eq__)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write(path)
    assert (path.read_text(), names(tmp_path)) == ("new", {"a.txt"})


def test_without_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: int) -> None:
        raise OSError("no locks here")

    left = tmp_path / ".4711-0123abcd-a.txt"
    left.touch()
    monkeypatch.setattr(fcntl, "flock", unsupported)
    write(tmp_path / "a.txt")
    assert names(tmp_path) == {"a.txt", left.name}
