"""One pair of images gets one verdict, whichever door it is asked at."""

import json
import math
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from imagefinder import Finder, compare, duplicates
from imagefinder.cli.app import app
from imagefinder.images.transforms import COPIES, Transform
from imagefinder.testing.gallery import draw_scene

from .conftest import Visit, Visitor, running

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")
ROUNDING = 2e-3  # an image alone and in a batch differ in the last digits of their embeddings

Door = tuple[str, float | None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of four scenes, with a changed copy of one of them."""
    folder = tmp_path_factory.mktemp("doors")
    for scene in SCENES:
        draw_scene(scene).save(folder / f"{scene}.png")
    copy: Transform = COPIES["70 % crop"]
    copy(draw_scene("harbour")).save(folder / "copy.jpg", quality=60)
    with Finder.create(folder / "c.db") as finder:
        assert finder.add(folder).added == len(SCENES) + 1
    return folder


def run(*words: object) -> Any:
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def on_page(page: Visit, one: Path, other: str) -> tuple[str, float] | None:
    """The verdict and the probability on the card of a hit; none are shown of what is similar."""
    page.ask(one)
    badge = page.cards.filter(has_text=other).locator(".badge")
    if not badge.count():
        return None
    share = float((badge.get_attribute("title") or "").removesuffix(" %")) / 100
    return badge.inner_text(), share


@pytest.mark.usefixtures("with_stderr")
@pytest.mark.parametrize("other", ["copy.jpg", "mosaic.png"])
def test_one_pair_has_one_verdict(folder: Path, visit: Visitor, other: str) -> None:
    db, one, two = folder / "c.db", folder / "harbour.png", folder / other
    doors: dict[str, Door] = {}

    def at(door: str, found: Any) -> None:
        doors[door] = found["verdict"], found["probability"]

    hits = run("search", one, "-k", 5, "--db", db)["hits"]
    (hit,) = [hit for hit in hits if hit["path"] == str(two)]
    at("search", hit)
    at("match", run("match", one, two, "--db", db))
    with Finder.open(db) as finder:
        (own,) = [hit for hit in finder.search(one, 5) if hit.path == str(two)]
        doors["Python search"] = str(own.verdict), own.probability
        pair = compare(one, two, catalogue=finder).verification
        doors["Python compare"] = pair.verdict, pair.probability
        grouped = [copy for group in duplicates(finder).groups for copy in group.copies]
    copies = [copy for group in run("duplicates", "--db", db)["groups"] for copy in group["copies"]]
    for copy in copies:
        at("duplicates", copy)
    for near in grouped:
        doors["Python duplicates"] = near.verification.verdict, near.verification.probability
    assert len(copies) == len(grouped) == 1
    if other != "copy.jpg":
        del doors["duplicates"], doors["Python duplicates"]
    with running(db) as origin:
        upload = ("image", ("one.png", one.read_bytes()))
        found = httpx.post(f"{origin}/v1/search", files=[upload], data={"k": "5"}).json()
        at("HTTP search", next(hit for hit in found["hits"] if hit["name"] == other))
        files = [upload, ("image", ("two", two.read_bytes()))]
        at("HTTP compare", httpx.post(f"{origin}/v1/compare", files=files).json())
        shown = on_page(visit(origin).to(), one, other)

    verdict = doors["search"][0]
    assert verdict == ("same image" if other == "copy.jpg" else "similar")
    assert {verdict for verdict, _ in doors.values()} == {verdict}, doors
    probability = doors["search"][1]
    assert [p for _, p in doors.values()] == [pytest.approx(probability, abs=ROUNDING)] * len(doors)
    if verdict == "similar":
        assert shown is None
    else:
        assert shown is not None
        assert shown[0] == verdict
        assert probability is not None
        assert shown[1] == pytest.approx(math.floor(1000 * probability) / 1000, abs=ROUNDING)
