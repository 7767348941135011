"""Run directories: new, to be resumed, or to be left alone."""

from pathlib import Path

import pytest

from imagefinder.errors import TrainingError
from imagefinder.training.run_directory import RunDirectory

PLAN: dict[str, object] = {"objective": "labels", "seed": 0}


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "out")


def claim(directory: RunDirectory, plan: dict[str, object], force: bool) -> None:
    directory.check(plan, force)
    directory.claim(plan, force)


def finished(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    (directory.folder / "encoder.onnx").touch()
    (directory.folder / "encoder.json").write_text("{}")
    directory.complete()


def test_the_same_run_is_resumed(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    (directory.work / "checkpoint.pt").touch()
    claim(directory, PLAN, force=False)
    claim(directory, PLAN, force=True)
    assert (directory.work / "checkpoint.pt").exists()


def test_another_run_is_not_resumed_but_replaced_if_forced(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    (directory.work / "checkpoint.pt").touch()
    with pytest.raises(TrainingError, match=r"unfinished run with a different seed: .*--force"):
        claim(directory, {**PLAN, "seed": 1}, force=False)
    claim(directory, {**PLAN, "seed": 1}, force=True)
    assert not (directory.work / "checkpoint.pt").exists()


def test_a_complete_run_is_kept_unless_forced(directory: RunDirectory) -> None:
    finished(directory)
    (directory.folder / "notes.txt").touch()
    with pytest.raises(TrainingError, match=r"holds a trained encoder: .*--force"):
        claim(directory, PLAN, force=False)
    with pytest.raises(TrainingError, match="is not an empty folder"):
        claim(directory, PLAN, force=True)
    (directory.folder / "notes.txt").unlink()
    claim(directory, PLAN, force=True)
    assert [file.name for file in directory.folder.iterdir()] == ["training"]


def test_a_later_error_leaves_nothing(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    with pytest.raises(TrainingError), directory.cleared_on_error():
        raise TrainingError("no")
    assert not any(directory.folder.iterdir())


def test_a_run_killed_at_its_very_end_is_resumed(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    (directory.folder / "encoder.json").write_text("{}")
    claim(directory, PLAN, force=False)


@pytest.mark.parametrize("force", [False, True])
def test_other_files_are_left_alone(directory: RunDirectory, force: bool) -> None:
    directory.folder.mkdir()
    (directory.folder / "holiday.jpg").touch()
    with pytest.raises(TrainingError, match="is not an empty folder"):
        claim(directory, PLAN, force)
    assert [file.name for file in directory.folder.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_only_has_the_name_of_a_run_is_left_alone(
    directory: RunDirectory, force: bool
) -> None:
    directory.work.mkdir(parents=True)
    (directory.work / "thesis.txt").touch()
    with pytest.raises(TrainingError, match="is not an empty folder"):
        claim(directory, PLAN, force)
    directory.clear()
    assert (directory.work / "thesis.txt").exists()


@pytest.mark.parametrize("name", ["catalogue.db.backup", "encoder.onnx.old", "report.docx"])
def test_a_file_whose_name_only_begins_as_ours_is_left_alone(
    directory: RunDirectory, name: str
) -> None:
    finished(directory)
    for ours in ("catalogue.db-wal", "catalogue.db.vectors-0123abcd.kmeans", "report.html"):
        (directory.folder / ours).touch()
    (directory.folder / name).touch()
    with pytest.raises(TrainingError, match="is not an empty folder"):
        claim(directory, PLAN, force=True)
    directory.clear()
    assert [file.name for file in directory.folder.iterdir()] == [name]


def test_an_unreadable_plan_is_refused(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    (directory.work / "plan.json").write_text("{")
    with pytest.raises(TrainingError, match="damaged: add --force"):
        claim(directory, PLAN, force=False)
    claim(directory, PLAN, force=True)


def test_a_file_of_that_name_is_refused(directory: RunDirectory) -> None:
    directory.folder.touch()
    with pytest.raises(TrainingError, match="is not an empty folder"):
        claim(directory, PLAN, force=False)


def test_an_unfinished_run_of_another_version_is_refused(directory: RunDirectory) -> None:
    claim(directory, PLAN, force=False)
    (directory.work / "plan.json").write_text('{"objective": "labels", "seed": 0, "frozen": -1}')
    with pytest.raises(TrainingError, match=r"of another version of ImageFinder: .*--force"):
        claim(directory, PLAN, force=False)
    claim(directory, PLAN, force=True)
