"""What the commands that compare images do, and what they refuse, inside this process."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from imagefinder import Finder, ImageFinderError
from imagefinder.cli.app import app
from imagefinder.registry.factory import make_extractor
from imagefinder.testing.gallery import draw_scene, view_of

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")
VIEWS = ("size", "light", "compression")

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two catalogues of twelve images, which no test may alter."""
    place = tmp_path_factory.mktemp("some")
    for name in SCENES:
        (place / "images" / name).mkdir(parents=True)
        scene = draw_scene(name)
        for view in VIEWS:
            view_of(scene, view, 1).save(place / "images" / name / f"{view}.jpg")
    sift = make_extractor("sift", {"features": 200, "side": 320})
    with Finder.create(place / "local.db", "classic", local=sift) as finder:
        assert finder.add(place / "images").added == 12
    with Finder.create(place / "bits.db", "dhash") as finder:
        assert finder.add(place / "images").added == 12
    return place


@pytest.fixture
def ask(some: Path, with_stderr: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command in that folder, on its first catalogue."""
    monkeypatch.chdir(some)
    monkeypatch.setenv("IMAGEFINDER_DB", "local.db")

    def asked(*words: object, stdin: bytes = b"") -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], input=stdin)

    return asked


def answer(result: Result) -> Any:
    assert result.exception is None
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def refusal(result: Result) -> str:
    """What the program will say on one line."""
    assert isinstance(result.exception, ImageFinderError | OSError)
    assert result.stdout == ""
    assert "\n" not in str(result.exception)
    return str(result.exception)


def misuse(result: Result) -> str:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr
    return result.stderr


def view(scene: str, name: str = "size.jpg") -> str:
    return f"images/{scene}/{name}"


def scenes(found: dict[str, list[dict[str, str]]]) -> list[str]:
    return [Path(hit["path"]).parent.name for hit in found["hits"]]


def test_several_images_are_asked_with_together(ask: Ask, some: Path) -> None:
    data = (some / view("mosaic")).read_bytes()
    found = answer(ask("search", view("harbour"), "-", "-k", 6, "--json", stdin=data))
    assert found["query"] == [view("harbour"), "-"]
    assert set(scenes(found)) == {"harbour", "mosaic"}
    assert all(Path(hit["path"]).name == hit["name"] for hit in found["hits"])
    assert all(hit["metadata"] == {} and len(hit["sha256"]) == 64 for hit in found["hits"])
    shown = ask("search", view("harbour"), view("mosaic")).stdout
    assert "nearest to images/harbour/size.jpg, images/mosaic/size.jpg by classic" in shown


def test_minus_turns_away(ask: Ask) -> None:
    words = ("search", view("harbour"), "-k", 12, "--json")
    away = answer(ask(*words, "--minus", view("mosaic", "light.jpg")))
    assert scenes(away)[0] == "harbour"
    assert scenes(away)[-1] == "mosaic"
    assert away["hits"] != answer(ask(*words))["hits"]


def test_a_part_is_asked_with(ask: Ask, some: Path, tmp_path: Path) -> None:
    with PIL.Image.open(some / view("harbour")) as image:
        image.crop((20, 30, 320, 230)).save(tmp_path / "cut.png")
    part = answer(ask("search", view("harbour"), "--crop", "20,30,300,200", "--json"))
    cut = answer(ask("search", tmp_path / "cut.png", "--json"))
    assert part["hits"] == cut["hits"]
    said = refusal(ask("search", view("harbour"), "--crop", "20,30,3000,200"))
    assert "20,30,3000,200 is not inside" in said


@pytest.mark.parametrize("scope", [["--shortlist", "4"], ["--exhaustive"], []])
def test_local_features_may_decide(ask: Ask, scope: list[str]) -> None:
    words = ("search", view("harbour"), "--rerank", "geometric", *scope)
    found = answer(ask(*words, "--json"))
    assert set(scenes(found)) == {"harbour"}
    for hit in found["hits"]:
        assert set(hit) == {
            *("rank", "id", "path", "name", "sha256", "score", "distance", "metadata"),
            *("correspondences", "verified", "region"),
            *("verdict", "match", "probability", "evidence"),
        }
        assert (hit["verified"], hit["match"]) == (True, True)
        assert len(hit["region"]) == 4
    if scope == ["--exhaustive"]:
        shown = ask(*words)
        assert "pairs" in shown.stdout
        assert shown.stdout.count("same image") + shown.stdout.count("same thing") == 3


def test_mutual_neighbours_are_counted_and_nothing_is_verified(ask: Ask) -> None:
    found = answer(ask("search", view("mosaic"), "--rerank", "mutual", "-k", 12, "--json"))
    counts = [hit["correspondences"] for hit in found["hits"]]
    assert counts == sorted(counts, reverse=True)
    assert {hit["verified"] for hit in found["hits"]} == {None}
    assert len(counts) == 12


def test_another_measure_and_several_of_them(ask: Ask) -> None:
    (one, *_) = answer(ask("search", view("harbour"), "--measure", "l2", "--json"))["hits"]
    assert one["distance"] == pytest.approx(0, abs=1e-3)
    words = ("--measure", "l2", "--measure", "cosine", "-k", 12)
    hits = answer(ask("search", view("harbour"), *words, "--json"))["hits"]
    assert hits[0]["score"] == 1
    assert [hit["distance"] for hit in hits] == pytest.approx([1 - hit["score"] for hit in hits])


def test_catalogues_are_asked_together(ask: Ask) -> None:
    words = ("search", view("coral-reef"), "--also", "bits.db", "--json")
    found = answer(ask(*words))
    assert found["encoder"] == "classic + dhash"
    assert scenes(found)[0] == "coral-reef"
    assert found["hits"][0]["score"] == 1
    weighed = answer(ask(*words, "--fuse", "scores", "--weight", 0, "--weight", 1, "-k", 3))
    alone = answer(ask("search", view("coral-reef"), "--db", "bits.db", "--json"))
    assert [hit["id"] for hit in weighed["hits"]] == [hit["id"] for hit in alone["hits"]]


def test_info_tells_of_local_features(ask: Ask) -> None:
    about = answer(ask("info", "--json"))
    assert about["local features"] == "sift"
    assert about["local options"] == {"features": 200, "side": 320}
    assert 5_000 < about["local bytes an image"] <= 8 + 200 * 132
    without = answer(ask("info", "--db", "bits.db", "--json"))
    assert without["local features"] is None
    assert "local bytes an image" not in without
    said = " ".join(ask("info", "--db", "bits.db").stdout.split())
    assert "local features none excluded none calibration none" in said


def test_info_says_how_many_signatures_are_lacking(ask: Ask, some: Path, tmp_path: Path) -> None:
    def said() -> str:
        return " ".join(ask("info", "--db", db).stdout.split())

    db = shutil.copy(some / "bits.db", tmp_path)
    assert " signatures 12 " in said()
    with sqlite3.connect(db) as file:
        file.execute("DELETE FROM signatures WHERE key = (SELECT max(key) FROM images)")
    file.close()
    assert "signatures 11 of 12 (run imagefinder sync FOLDER to fill in the rest)" in said()
    assert answer(ask("info", "--db", db, "--json"))["signatures"] == 11


def test_two_images_are_matched_and_drawn(ask: Ask, tmp_path: Path, some: Path) -> None:
    one, other = view("harbour"), view("harbour", "light.jpg")
    found = answer(ask("match", one, other, "--out", tmp_path / "drawn.png", "--json"))
    assert found["images"] == [one, other]
    assert found["verified"] is True
    assert 20 < found["correspondences"] <= min(found["features"]) <= 500
    (first, height), (second, other_height) = (size_within_640(name) for name in (one, other))
    with PIL.Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.size == (first + 8 + second, max(height, other_height))
        assert np.asarray(drawn).std() > 10
    said = ask("match", one, view("chessboard")).stdout
    assert said.startswith("similar\n")
    assert "local features agree on one" in said
    said = ask("match", one, other, "--rerank", "mutual").stdout
    assert "mutual nearest neighbors" in said


def test_hits_are_drawn_and_no_other_file_is_replaced(ask: Ask, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    PIL.Image.new("RGB", (9, 9)).save(other)
    before = other.read_bytes()
    for _ in range(2):  # its own drawing is replaced
        assert ask("search", view("harbour"), "--out", tmp_path / "hits.png").exit_code == 0
    with PIL.Image.open(tmp_path / "hits.png") as drawn:
        assert drawn.width > 700
    refusal(ask("search", view("harbour"), "--out", other))
    refusal(ask("search", view("harbour"), "--out", tmp_path / "hits.txt"))
    assert other.read_bytes() == before


def size_within_640(file: str) -> tuple[int, int]:
    with PIL.Image.open(file) as image:
        share = min(1, 640 / max(image.size))
        return round(image.width * share), round(image.height * share)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["match", view("harbour"), "none.jpg"], "none.jpg: no such file"),
        (["match", view("harbour"), "images"], "images: is a folder"),
        (["match", view("harbour"), view("mosaic"), "--out", "x.xyz"], "must end in .png"),
        (["match", view("harbour"), view("mosaic"), "--out", "none/x.png"], "none/x.png"),
        (["match", view("harbour"), view("mosaic"), "--rerank", "best"], "geometric, mutual"),
        (["search", view("harbour"), "--rerank", "best"], "geometric, mutual"),
        (["search", view("harbour"), "--db", "bits.db", "--rerank", "mutual"], "--local sift"),
        (["search", "--text", "a boat"], "has no text encoder"),
        (["search", view("harbour"), "--measure", "hamming"], "cannot be compared by hamming"),
        (["search", view("harbour"), "--also", "none.db"], "no catalogue"),
        (["info", "--db", "none.db"], "no catalogue"),
        (["reduce", "less.db", "--dim", "12"], "at most 11, not to 12"),
        (["reduce", "less.db", "--db", "bits.db", "--dim", "2"], "gives binary codes"),
        (["reduce", "bits.db", "--dim", "2"], "already exists: choose another path"),
        (["reduce", "none/less.db", "--dim", "2"], "no folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    ask: Ask, some: Path, words: list[str], said: str
) -> None:
    before = sorted(some.iterdir())
    assert said in refusal(ask(*words))
    assert sorted(some.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([view("harbour"), "--crop", "1,2,3"], "x,y,width,height"),
        ([view("harbour"), "--crop", "1,2,3,-4"], "x,y,width,height"),
        ([view("harbour"), "--fuse", "borda"], "--also"),
        ([view("harbour"), "--weight", "2"], "--also"),
        ([view("harbour"), "--shortlist", "9"], "--rerank"),
        ([view("harbour"), "--exhaustive"], "--rerank"),
        (
            [view("harbour"), "--rerank", "mutual", "--exhaustive", "--shortlist", "9"],
            "exclude each other",
        ),
        ([view("harbour"), "--rerank", "mutual", "--shortlist", "0"], "equal to 1"),
        (["--minus", view("harbour")], "give an image"),
        ([view("harbour"), "--measure", "manhattan"], "cosine, l2, dot, hamming"),
        ([view("harbour"), "--measure", "l2", "--rerank", "mutual"], "leave one of them out"),
        ([view("harbour"), view("mosaic"), "--rerank", "mutual"], "single query image"),
        (
            [view("harbour"), "--also", "bits.db", "--fuse", "mean"],
            "'reciprocal', 'borda', 'scores'",
        ),
        ([view("harbour"), "--also", "bits.db", "--weight", "2"], "one weight"),
        ([view("harbour"), "--also", "bits.db", "--weight", "-1", "--weight", "1"], "equal to 0"),
    ],
)
def test_what_makes_no_sense_is_wrong_use(ask: Ask, words: list[str], said: str) -> None:
    shown = misuse(ask("search", *words))
    assert said in " ".join(shown.replace("│", "").split())


@pytest.mark.parametrize(
    "words", [["match", "a.jpg"], ["reduce", "s.db"], ["reduce", "s.db", "--dim", "0"]]
)
def test_what_is_missing_is_wrong_use(ask: Ask, words: list[str]) -> None:
    misuse(ask(*words))


def test_a_smaller_catalogue_finds_the_same(ask: Ask, some: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.db"
    about = answer(ask("reduce", small, "--dim", 8, "--whiten", "--json"))
    assert (about["images"], about["dim"]) == (12, 8)
    assert about["bytes"] == small.stat().st_size
    assert sorted(file.name for file in tmp_path.iterdir()) == ["small.db", "small.db.pca.npz"]
    found = answer(ask("search", view("harbour"), "--db", small, "--json"))
    assert found["encoder"] == "reduced"
    assert found["hits"][0]["path"] == str(some / view("harbour"))
    again = answer(ask("search", view("harbour"), "--db", small, "--rerank", "mutual", "--json"))
    assert set(scenes(again)) == {"harbour"}
