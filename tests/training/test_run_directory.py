"""Whose a folder is: a new one, one to go on with, or one that must be left alone."""

from pathlib import Path

import pytest

from imagefinder.errors import TrainingError
from imagefinder.training.run_directory import Place

PLAN: dict[str, object] = {"objective": "labels", "seed": 0}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "out")


def claim(place: Place, plan: dict[str, object], force: bool) -> None:
    place.check(plan, force)
    place.claim(plan, force)


def finished(place: Place) -> None:
    claim(place, PLAN, force=False)
    (place.folder / "encoder.onnx").touch()
    (place.folder / "encoder.json").write_text("{}")
    place.done()


def test_the_same_training_goes_on(place: Place) -> None:
    claim(place, PLAN, force=False)
    (place.work / "checkpoint.pt").touch()
    claim(place, PLAN, force=False)
    claim(place, PLAN, force=True)
    assert (place.work / "checkpoint.pt").exists()


def test_another_one_does_not_unless_it_is_forced(place: Place) -> None:
    claim(place, PLAN, force=False)
    (place.work / "checkpoint.pt").touch()
    with pytest.raises(TrainingError, match=r"unfinished training with another seed: .*--force"):
        claim(place, {**PLAN, "seed": 1}, force=False)
    claim(place, {**PLAN, "seed": 1}, force=True)
    assert not (place.work / "checkpoint.pt").exists()


def test_one_that_is_done_is_kept_unless_it_is_forced(place: Place) -> None:
    finished(place)
    (place.folder / "notes.txt").touch()
    with pytest.raises(TrainingError, match=r"holds a trained encoder: .*--force"):
        claim(place, PLAN, force=False)
    with pytest.raises(TrainingError, match="is no empty folder"):
        claim(place, PLAN, force=True)
    (place.folder / "notes.txt").unlink()
    claim(place, PLAN, force=True)
    assert [file.name for file in place.folder.iterdir()] == ["training"]


def test_what_is_refused_later_leaves_nothing(place: Place) -> None:
    claim(place, PLAN, force=False)
    with pytest.raises(TrainingError), place.unless_refused():
        raise TrainingError("no")
    assert not any(place.folder.iterdir())


def test_one_killed_at_its_very_end_is_done_once_more(place: Place) -> None:
    claim(place, PLAN, force=False)
    (place.folder / "encoder.json").write_text("{}")
    claim(place, PLAN, force=False)


@pytest.mark.parametrize("force", [False, True])
def test_what_is_not_ours_is_left_alone(place: Place, force: bool) -> None:
    place.folder.mkdir()
    (place.folder / "holiday.jpg").touch()
    with pytest.raises(TrainingError, match="is no empty folder"):
        claim(place, PLAN, force)
    assert [file.name for file in place.folder.iterdir()] == ["holiday.jpg"]


def test_a_plan_that_cannot_be_read_is_said(place: Place) -> None:
    claim(place, PLAN, force=False)
    (place.work / "plan.json").write_text("{")
    with pytest.raises(TrainingError, match="damaged: add --force"):
        claim(place, PLAN, force=False)
    claim(place, PLAN, force=True)


def test_a_file_in_the_way_is_said(place: Place) -> None:
    place.folder.touch()
    with pytest.raises(TrainingError, match="is no empty folder"):
        claim(place, PLAN, force=False)
