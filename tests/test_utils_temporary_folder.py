"""Temporary folders: what killed programs left goes, what is in use or not ours stays."""

import shutil
from pathlib import Path

import pytest

from imagefinder._utils.temporary_folder import temporary_folder
from imagefinder._utils.temporary_names import temporary_path


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary_folder(tmp_path / "a") as folder:
        (folder / "file").touch()
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_killed_program_left_for_the_same_name_goes(tmp_path: Path) -> None:
    names = [".12-0123abcd-a", ".12-0123abcd-b", ".12-0123-a", "12-0123abcd-a"]
    for name in names:
        (tmp_path / name).mkdir()
    with temporary_folder(tmp_path / "a") as slow:
        with temporary_folder(tmp_path / "a"):
            pass
        assert slow.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_one_that_was_swept_away_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def recorded(path: Path) -> Path:
        made.append(temporary_path(path))
        return made[-1]

    def mkdir(path: Path) -> None:
        create(path)
        if len(made) == 1:
            shutil.rmtree(path)

    create = Path.mkdir
    monkeypatch.setattr("imagefinder._utils.temporary_folder.temporary_path", recorded)
    monkeypatch.setattr(Path, "mkdir", mkdir)
    with temporary_folder(tmp_path / "a") as folder:
        assert folder.exists()
    assert len(made) == 2
