"""What the commands make of a catalogue with regions, inside this process."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from imagefinder import Finder, RecipeMismatch
from imagefinder.cli.app import app
from imagefinder.images.transforms import COPIES

from ..conftest import drawn

COUNT = 60  # enough to calibrate

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, a changed copy of one and a scene that contains another, and their catalogue."""
    place = tmp_path_factory.mktemp("regions")
    (place / "images").mkdir()
    for seed in range(COUNT):
        PIL.Image.fromarray(drawn(seed)).save(place / "images" / f"{seed:02}.png")
    COPIES["JPEG 20"](PIL.Image.fromarray(drawn(0))).save(place / "images" / "copy.png")
    scene = np.zeros((180, 240, 3), np.uint8)
    scene[60:, 80:] = np.asarray(PIL.Image.fromarray(drawn(1)).resize((160, 120)))
    PIL.Image.fromarray(scene).save(place / "images" / "scene.png")
    with Finder.create(place / "c.db", "classic", regions=2) as finder:
        assert finder.add(place / "images").added == COUNT + 2
    return place


@pytest.fixture
def ask(made: Path, tmp_path: Path, with_stderr: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command on a copy of that catalogue, in a folder of its own."""
    shutil.copy(made / "c.db", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", "c.db")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def answer(result: Result) -> Any:
    assert result.exception is None, result.output
    return json.loads(result.stdout)


def search(ask: Ask, image: Path, *words: object) -> dict[str, Any]:
    hits = answer(ask("search", image, "-k", COUNT + 2, "--json", *words))["hits"]
    return {Path(hit["path"]).name: hit for hit in hits}


def test_a_hit_says_where(ask: Ask, made: Path) -> None:
    hits = search(ask, made / "images" / "01.png")
    assert hits["scene.png"]["rank"] == 2
    assert hits["scene.png"]["region"] == [80, 60, 160, 120]
    assert "region" not in hits["01.png"]
    assert (hits["01.png"]["rank"], hits["01.png"]["verdict"]) == (1, "same image")
    said = ask("search", made / "images" / "01.png", "-k", 2).stdout
    assert "by classic with regions" in said
    head, _, _, second = said.splitlines()[2], *said.splitlines()[3:6]
    assert head.split()[-2:] == ["region", "path"]
    assert second.split()[-2] == "80,60,160,120"


def test_it_is_made_by_add_and_followed_by_sync(ask: Ask, tmp_path: Path, made: Path) -> None:
    (tmp_path / "some").mkdir()
    for name in ("01.png", "scene.png"):
        shutil.copy(made / "images" / name, tmp_path / "some")
    words = ("some", "--db", "new.db", "--json")
    assert answer(ask("add", *words, "--encoder", "classic", "--regions", 3))["added"] == 2
    shutil.copy(made / "images" / "02.png", tmp_path / "some")
    (tmp_path / "some" / "01.png").unlink()
    report = answer(ask("sync", *words))
    assert (report["added"], report["removed"], report["unchanged"]) == (1, 1, 1)
    about = answer(ask("info", "--db", "new.db", "--json"))
    assert (about["images"], about["vectors"], about["signatures"]) == (2, 2 * 14, 2)
    assert (about["encoder"], about["options"]["encoder"]) == ("regions", "classic")
    assert about["options"]["grid"] == 3
    refused = ask("sync", *words, "--regions", 2).exception
    assert isinstance(refused, RecipeMismatch)
    assert "made with --regions 3" in str(refused)


def test_calibration_and_verdicts_are_by_whole_images(
    ask: Ask, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder.verification.genuine._COPIED", 5)
    monkeypatch.setattr("imagefinder.verification.impostors._NEAREST", 1)
    learnt = answer(ask("calibrate", "--rate", 0.02, "--json"))
    assert answer(ask("info", "--json"))["calibration"] == learnt
    hits = search(ask, made / "images" / "01.png", "--verify", 0)
    # its region is the query, its whole is not
    assert hits["scene.png"]["score"] > learnt["threshold"]
    assert (hits["01.png"]["match"], hits["scene.png"]["match"]) == (True, False)


def test_duplicates_are_of_whole_images(ask: Ask) -> None:
    words = ("duplicates", "--verify", "none", "--threshold", 0.99, "--json")
    (group,) = answer(ask(*words))["groups"]
    names = {Path(one["paths"][0]).name for one in (group["best"], *group["copies"])}
    assert names == {"00.png", "copy.png"}


def test_it_can_be_reduced_and_searched_approximately(ask: Ask, made: Path) -> None:
    assert answer(ask("reduce", "small.db", "--dim", 16, "--json"))["images"] == COUNT + 2
    for db in ("c.db", "small.db"):
        assert ask("index", "build", "kmeans", "--db", db).exception is None
        hits = search(ask, made / "images" / "01.png", "--db", db)
        assert len(hits) == COUNT + 2
        assert hits["scene.png"]["region"] == [80, 60, 160, 120]
        assert ask("check", "--db", db).stdout == f"{db} is intact\n"
