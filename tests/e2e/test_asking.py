"""Searches asked in other ways, two images compared, and smaller catalogues, from the shell."""

import re
import shutil
from pathlib import Path

import PIL.Image
import pytest

from .program import Run, answer, misuse, refusal, run_in

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")
VIEWS = ("size.jpg", "light.jpg", "compression.jpg")
HARBOUR, MOSAIC = "images/harbour/size.jpg", "images/mosaic/size.jpg"


@pytest.fixture(scope="session")
def place(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of twelve images and their local features."""
    place = tmp_path_factory.mktemp("place")
    for scene in SCENES:
        (place / "images" / scene).mkdir(parents=True)
        for view in VIEWS:
            shutil.copy(gallery / scene / view, place / "images" / scene)
    words = ("--encoder", "classic", "--local", "sift", "--json")
    assert answer(run_in(place, "add", "images", *words))["added"] == 12
    return place


@pytest.fixture
def ask(place: Path) -> Run:
    def asked(*words: str | Path, stdin: bytes = b""):  # type: ignore[no-untyped-def]
        return run_in(place, *words, stdin=stdin)

    return asked


def test_local_features_decide_and_info_tells_of_them(ask: Run) -> None:
    about = answer(ask("info", "--json"))
    assert about["local features"] == "sift"
    assert about["local options"] == {"features": 500, "side": 640}
    assert 10_000 < about["local bytes an image"] < 67_000
    shown = ask("search", HARBOUR, "--rerank", "geometric", "--shortlist", "5")
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert len(re.findall("same (?:image|thing)", shown.stdout.decode())) == 3
    assert shown.stdout.decode().count("images/harbour/") == 4


def test_several_images_one_of_them_from_stdin(ask: Run, place: Path) -> None:
    data = (place / MOSAIC).read_bytes()
    found = answer(ask("search", HARBOUR, "-", "-k", "6", "--json", stdin=data))
    assert {Path(hit["path"]).parent.name for hit in found["hits"]} == {"harbour", "mosaic"}


def test_two_images_are_matched_and_drawn(ask: Run, tmp_path: Path) -> None:
    other = "images/harbour/light.jpg"
    said = ask("match", HARBOUR, other, "--out", tmp_path / "drawn.png")
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout.startswith(b"same image")
    with PIL.Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.width > drawn.height


def test_a_smaller_catalogue_finds_the_same(ask: Run, place: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.db"
    about = answer(ask("reduce", small, "--dim", "8", "--whiten", "--json"))
    assert (about["images"], about["dim"]) == (12, 8)
    assert about["bytes"] == small.stat().st_size
    assert sorted(file.name for file in tmp_path.iterdir()) == ["small.db", "small.db.pca.npz"]
    found = answer(ask("search", HARBOUR, "--db", small, "--also", "imagefinder.db", "--json"))
    assert found["encoder"] == "reduced + classic"
    assert found["hits"][0]["path"] == str(place / HARBOUR)


def test_what_cannot_be_done_is_said_in_one_line(ask: Run) -> None:
    said = refusal(ask("search", HARBOUR, "--crop", "20,30,3000,200"))
    assert "20,30,3000,200 is not inside" in said
    said = refusal(ask("match", HARBOUR, MOSAIC, "--out", "none/x.png"))
    assert said.startswith("imagefinder: none/x.png cannot be written: there is no folder")


def test_what_makes_no_sense_is_wrong_use(ask: Run) -> None:
    assert "--rerank" in misuse(ask("search", HARBOUR, "--exhaustive"))
    assert "hamming" in misuse(ask("search", HARBOUR, "--measure", "manhattan"))
