"""The page of a map, in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from imagefinder.visualization.map import make_map, save

from .conftest import stocked_in

COUNT = 9


@pytest.fixture(scope="module")
def drawn_map(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of five images in the folder ``even`` and four in ``odd``."""
    folder = tmp_path_factory.mktemp("map")
    with stocked_in(folder) as make:
        yield save(make_map(make(COUNT), by="pca", color="folder"), folder / "map.html").path


@pytest.fixture
def page(browser: Browser, drawn_map: Path) -> Iterator[Page]:
    """No script may fail, and nothing may come from elsewhere."""
    wrong: list[str] = []
    with browser.new_context(viewport={"width": 1100, "height": 700}) as context:
        opened = context.new_page()
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("console", lambda said: wrong.append(said.text))
        opened.on("request", lambda request: wrong.append(request.url))
        opened.goto(drawn_map.as_uri())
        yield opened
        assert [one for one in wrong if not one.startswith(("file:", "data:"))] == []


def test_all_images_are_listed(page: Page) -> None:
    expect(page.locator("#count")).to_have_text("9 images")
    names = page.locator("#list button").all_inner_texts()
    assert names == sorted(names)
    assert names[0] == "even/00.png"
    assert len(names) == COUNT


def test_a_search_and_the_legend_leave_some(page: Page) -> None:
    page.fill("#search", "ODD/")
    expect(page.locator("#count")).to_have_text("4 images")
    page.fill("#search", "odd/03")
    expect(page.locator("#count")).to_have_text("1 image")
    page.fill("#search", "")
    page.click("#legend button:has-text('even')")
    expect(page.locator("#legend [aria-pressed=false]")).to_have_text("even")
    expect(page.locator("#count")).to_have_text("4 images")
    page.click("#legend button:has-text('even')")
    expect(page.locator("#count")).to_have_text("9 images")


def test_an_image_of_the_list_is_shown(page: Page) -> None:
    page.click("#list button:has-text('odd/03.png')")
    expect(page.locator("#details strong")).to_have_text("odd/03.png")
    expect(page.locator("#details p")).to_contain_text("odd · 120 × 90 · ")
    expect(page.locator("#details canvas")).to_have_attribute("aria-label", "odd/03.png")
    expect(page.locator("#list [aria-current=true]")).to_have_text("odd/03.png")
    page.fill("#search", "even")
    expect(page.locator("#details strong")).to_have_count(0)


def test_keys_lead_from_image_to_image(page: Page) -> None:
    picked = page.locator("#details strong")
    page.focus("#map")
    seen = []
    for key in (
        "ArrowLeft",
        *["ArrowLeft"] * 9,
        *["ArrowRight"] * 9,
        "+",
        "-",
        "0",
        "Shift+ArrowUp",
    ):
        page.keyboard.press(key)
        seen.append(picked.inner_text())
    assert len(set(seen)) > 3
    assert seen[-1] == seen[-5]  # coming closer chooses nothing
    page.keyboard.press("Escape")
    expect(picked).to_have_count(0)


def test_a_click_chooses_what_lies_there(page: Page) -> None:
    page.click("#list button >> nth=0")
    box = page.locator("#map").bounding_box()
    assert box is not None
    name = page.locator("#details strong").inner_text()
    page.focus("#map")
    page.keyboard.press("Escape")
    found = set()
    for across in range(20, int(box["width"]), 60):
        for down in range(20, int(box["height"]), 60):
            page.mouse.click(box["x"] + across, box["y"] + down)
            found.update(page.locator("#details strong").all_inner_texts())
    assert name in found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.click("#list button >> nth=0")
    faults = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in faults] == []
