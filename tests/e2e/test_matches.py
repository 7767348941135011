"""What a match is, and copies, as people and scripts meet them."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest

from ..conftest import MakeOnce
from .program import Run, answer, misuse, refusal, run_in


@pytest.fixture(scope="session")
def learnt(catalogue: Path, make_once: MakeOnce) -> tuple[Path, Any]:
    """The gallery's catalogue, calibrated, which no test may alter, and what was said of it."""

    def calibrate(folder: Path) -> None:
        shutil.copy(catalogue, folder / "imagefinder.db")
        said = run_in(folder, "calibrate", "--rate", "0.01", "--json")
        (folder / "said.json").write_text(json.dumps(answer(said)))

    folder = make_once("calibrated", calibrate)
    return folder / "imagefinder.db", json.loads((folder / "said.json").read_text())


@pytest.fixture
def calibrated(stocked: Path, learnt: tuple[Path, Any]) -> Path:
    return Path(shutil.copy(learnt[0], stocked))


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    path = tmp_path / "stranger.png"
    PIL.Image.radial_gradient("L").save(path)
    return path


def test_calibrating_says_what_was_learnt(
    run: Run, calibrated: Path, learnt: tuple[Path, Any]
) -> None:
    told = learnt[1]
    assert (told["rate"], told["a match is"]) == (0.01, "copies")
    assert 0.5 < told["threshold"] < 1
    assert answer(run("info", "--json"))["calibration"] == told


def test_a_catalogue_that_is_not_calibrated_has_verdicts(
    run: Run, stocked: Path, images: list[Path]
) -> None:
    assert answer(run("info", "--json"))["calibration"] is None
    found = answer(run("search", images[0], "--json"))
    assert found["matches"][0] == found["hits"][0]["id"]
    assert found["hits"][0]["verdict"] == "same image"
    said = refusal(run("search", images[0], images[1], "--matches-only"))
    assert "search with one image" in said


def test_a_stored_image_is_a_match(run: Run, calibrated: Path, images: list[Path]) -> None:
    found = answer(run("search", images[0], "-k", 50, "--matches-only", "--json"))
    assert found["matches"] == [hit["id"] for hit in found["hits"]]
    assert found["hits"][0]["path"] == str(images[0])
    assert found["hits"][0]["probability"] > 0.5
    said = run("search", images[0]).stdout.decode()
    assert "same image (identical)" in said


def test_no_close_match_is_an_answer(run: Run, calibrated: Path, stranger: Path) -> None:
    found = answer(run("search", stranger, "--json"))
    assert (len(found["hits"]), found["matches"]) == (3, [])
    found = answer(run("search", stranger, "--matches-only", "--json"))
    assert (found["hits"], found["matches"]) == ([], [])
    for more in ([], ["--matches-only"], ["--threshold", 1.5]):
        said = run("search", stranger, *more)
        assert said.returncode == 0
        assert said.stdout.decode().splitlines()[-1] == "no close match"


def test_a_threshold_leaves_out_what_scores_less(
    run: Run, stocked: Path, images: list[Path]
) -> None:
    every = answer(run("search", images[0], "-k", 9, "--json"))["hits"]
    few = answer(run("search", images[0], "-k", 9, "--threshold", every[3]["score"], "--json"))[
        "hits"
    ]
    assert few == every[:4]


def test_a_rate_that_is_no_share_is_misuse(run: Run, stocked: Path) -> None:
    assert "between 0 and 1" in misuse(run("calibrate", "--rate", 3))


def test_copies_are_told_and_shown(
    run: Run, stocked: Path, tmp_path: Path, images: list[Path]
) -> None:
    with PIL.Image.open(images[0]) as image:
        image.resize((image.width // 2, image.height // 2)).save(tmp_path / "small.jpg")
    answer(run("add", "small.jpg", "--json"))
    page = tmp_path / "copies.html"
    found = answer(run("duplicates", "--threshold", 0.8, "--html", page, "--json"))
    (small,) = [
        copy
        for group in found["groups"]
        for copy in group["copies"]
        if copy["paths"] == [str(tmp_path / "small.jpg")]
    ]
    assert small["why"][0] == "more pixels"
    assert page.read_text().count('class="group"') == len(found["groups"])
    assert "more pixels" in run("duplicates", "--threshold", 0.8).stdout.decode()
    assert "no duplicates" in run("duplicates", "--threshold", 1.1).stdout.decode()
    assert (tmp_path / "small.jpg").exists()


def test_a_page_that_cannot_be_written_is_refused(run: Run, stocked: Path) -> None:
    said = refusal(run("duplicates", "--threshold", 0.999, "--html", "no/such/folder.html"))
    assert "cannot be written" in said


def test_the_server_tells_matches(
    calibrated: Path, server: httpx.Client, images: list[Path], stranger: Path
) -> None:
    def asked(path: Path, **form: str) -> httpx.Response:
        return server.post("/v1/search", files={"image": path.read_bytes()}, data=form)

    found = asked(images[0]).json()
    assert found["hits"][0]["match"] is True
    assert found["hits"][0]["id"] in found["matches"]
    assert asked(stranger, matches_only="true").json()["hits"] == []
    assert asked(images[0], threshold="1.5").json()["hits"] == []
    assert asked(images[0], threshold="nan").status_code == 422


def test_the_server_says_when_it_cannot_tell(server: httpx.Client, images: list[Path]) -> None:
    files = [("image", image.read_bytes()) for image in images[:2]]
    said = server.post("/v1/search", files=files, data={"matches_only": "true"})
    assert said.status_code == 422
    assert "search with one image" in said.json()["detail"]
