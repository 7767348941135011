"""The map view."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import expect

from imagefinder import Finder

from .conftest import Visit, Visitor, running


def at_all_places(at: Visit) -> Iterator[tuple[float, float]]:
    """Points of the canvas, all over it."""
    canvas = at.page.locator("#map-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    for down in range(30, int(box["height"]), 60):
        for across in range(30, int(box["width"]), 60):
            yield box["x"] + across, box["y"] + down


def select_one(at: Visit) -> str:
    """Click on an image, wherever it is; its name."""
    name = at.page.locator("#map-details strong")
    for place in at_all_places(at):
        at.page.mouse.click(*place)
        if name.count():
            return name.inner_text()
    raise AssertionError("there is no image")


def picture(at: Visit) -> str:
    """What is drawn, once all thumbnails are there."""
    at.settled()
    drawn: str = at.page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
            () => done(document.getElementById("map-canvas").toDataURL()))))"""
    )
    return drawn


def test_an_image_of_the_map_is_searched_with(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#map?limit=100")
    expect(at.page.locator("#map-status")).to_have_text("100 images, a random sample of 144.")
    name = select_one(at)
    at.page.get_by_label(f"Search with {name}").click()
    at.found()
    at.page.go_back()
    expect(at.page.locator("#map-canvas")).to_be_visible()
    at.page.select_option("#map-form [name=limit]", "300")
    expect(at.page.locator("#map-status")).to_have_text("144 images.")
    at.page.select_option("#map-form [name=by]", "pca")
    at.page.wait_for_url(re.compile("by=pca"))
    at.settled()


def test_keys_select_and_search(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#map?limit=100&by=pca")
    at.page.focus("#map-canvas")
    name = at.page.locator("#map-details strong")
    reached = set()
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown", *["ArrowRight"] * 3):
        at.page.keyboard.press(key)
        reached.add(at.page.locator("#map-details a").get_attribute("href"))
    assert len(reached) > 3
    at.page.keyboard.press("Escape")
    expect(name).to_have_count(0)
    at.page.keyboard.press("ArrowLeft")
    expect(name).to_have_count(1)
    at.page.keyboard.press("Enter")
    at.found()


def test_wheel_buttons_and_drags_move_the_map(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#map?limit=100&by=pca")
    whole = picture(at)
    at.page.click("#zoom-in")
    near = picture(at)
    assert near != whole
    at.page.click("#zoom-out")
    assert picture(at) == whole
    canvas = at.page.locator("#map-canvas").bounding_box()
    assert canvas is not None
    x, y = canvas["x"] + 200, canvas["y"] + 200
    at.page.mouse.move(x, y)
    at.page.mouse.down()
    at.page.mouse.move(x + 80, y + 40)
    at.page.mouse.up()
    assert picture(at) != whole
    at.page.click("#fit")
    at.page.mouse.move(1, 1)
    assert picture(at) == whole
    at.page.mouse.move(x, y)
    at.page.mouse.wheel(0, -120)
    at.page.mouse.move(1, 1)
    assert picture(at) != whole


def test_missing_files_are_counted(visit: Visitor, gallery: Path, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for scene in ("harbour", "mosaic", "regatta"):
        shutil.copy(gallery / scene / "size.jpg", folder / f"{scene}.jpg")
    with Finder.create(tmp_path / "few.db") as finder:
        finder.add(folder)
    (folder / "mosaic.jpg").unlink()
    with running(tmp_path / "few.db") as origin:
        at = visit(origin).to("#map")
        expect(at.page.locator("#map-status")).to_have_text("2 images; 1 file missing.")
