"""Queries that a browser cannot display: the server shows them, and parts can be chosen."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from imagefinder.testing.gallery import draw_scene

from .conftest import Visitor


def test_a_part_of_a_tiff_file_is_searched_with(
    visit: Visitor, origin: str, tmp_path: Path
) -> None:
    scene = draw_scene("harbour")
    scene.resize((1600, 1200)).save(tmp_path / "harbour.tiff")
    at = visit(origin).to()
    at.ask(tmp_path / "harbour.tiff")
    expect(at.page.locator("#query img")).to_be_visible()
    at.page.click("#query >> text=Choose a part")
    at.page.keyboard.press("Enter")
    at.page.wait_for_url("**crop=400%2C300%2C800%2C600")  # of the file, not of its preview
    at.found()
    assert at.cards.count() > 0


def test_a_box_takes_the_keys_as_soon_as_the_dialog_is_open(
    visit: Visitor, origin: str, gallery: Path
) -> None:
    at = visit(origin).to()
    at.ask(gallery / "harbour" / "size.jpg")
    choose = at.page.get_by_role("button", name="Choose a part")
    expect(choose).to_be_visible()
    at.page.set_viewport_size({"width": 390, "height": 800})
    focused = choose.evaluate("(one) => { one.click(); return document.activeElement.className }")
    assert focused == "box"
    frame = at.page.locator(".frame")
    before = frame.bounding_box()
    expect(frame.locator("img")).to_have_js_property("complete", True)
    assert frame.bounding_box() == before  # an image that comes late moves no button


@pytest.mark.parametrize("name", ["notes.jpg", "notes.heic"])
def test_nothing_is_offered_for_what_nobody_can_display(
    visit: Visitor, origin: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("no image")
    at = visit(origin).to()
    at.page.set_input_files("#choose", str(tmp_path / name))
    expect(at.page.locator("#search-error")).to_contain_text("not an image")
    expect(at.page.locator("#query .name")).to_have_text(name)
    expect(at.page.locator("#query >> text=Choose a part")).to_have_count(0)
