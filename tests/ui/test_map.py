"""The map view."""

import re
import shutil
from pathlib import Path

from playwright.sync_api import Locator, expect

from imagefinder import Finder

from .conftest import Visitor, running


def place(link: Locator) -> tuple[float, float]:
    box = link.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_images_on_the_map_link_to_searches(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#map?limit=100")
    expect(at.page.locator("#map-status")).to_have_text("100 images, a random sample of 144.")
    links = at.page.locator("#points a")
    expect(links).to_have_count(100)
    at.page.select_option("#map-form [name=limit]", "300")
    expect(links).to_have_count(144)
    expect(at.page.locator("#map-status")).to_have_text("144 images.")
    before = [place(links.nth(number)) for number in range(5)]
    at.page.select_option("#map-form [name=by]", "pca")
    at.page.wait_for_url(re.compile("by=pca"))
    at.settled()
    assert [place(links.nth(number)) for number in range(5)] != before
    name = links.first.get_attribute("title")
    assert name is not None
    links.first.focus()
    at.page.keyboard.press("Enter")
    at.found()
    at.page.go_back()
    expect(links).to_have_count(144)


def test_arrow_keys_move_the_focus_and_zoom_enlarges(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#map?limit=100")
    focused = at.page.locator("#points a:focus")
    reached = set()
    for start in range(5):
        at.page.locator("#points a").nth(start).focus()
        for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
            at.page.keyboard.press(key)
            reached.add(focused.get_attribute("href"))
    assert len(reached) > 5, "more than where it began"
    width = "document.getElementById('points').offsetWidth"
    before = at.page.evaluate(width)
    at.page.locator("#zoom").fill("3")
    assert at.page.evaluate(width) > 2.5 * before


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
