"""Accessibility: keyboard, screen readers (axe-core), dark mode, phones, page weight, API keys."""

import gzip
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response, expect

from imagefinder.server.api_keys import KeyFile

from .conftest import Visitor, running

PLACES = ["#search", "#catalogue", "#map?limit=100"]  # test_copies has that view
_FINGER = 44  # pixels
PHONE = {"width": 360, "height": 740}
_COMPRESSED = 100_000


def faults(page: Page) -> list[str]:
    """The violations that axe-core finds, of any impact."""
    found = Axe().run(page).response["violations"]
    return [f"{one['impact']} {one['id']}: {one['nodes'][0]['html']}" for one in found]


def too_small(page: Page) -> list[str]:
    """The controls that a finger misses."""
    controls = page.locator("header a, main button, main select, main label.button")
    return [
        one.inner_text()
        for one in controls.all()
        if (box := one.bounding_box()) and one.is_visible() and round(box["height"]) < _FINGER
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES)
def test_no_view_has_a_violation(visit: Visitor, writable: str, place: str, scheme: str) -> None:
    at = visit(writable, color_scheme=scheme, bypass_csp=True).to(place)
    assert faults(at.page) == []


def test_results_and_dialogs_have_no_violation(
    visit: Visitor, writable: str, gallery: Path
) -> None:
    at = visit(writable, bypass_csp=True).to()
    at.ask(gallery / "harbour" / "size.jpg")
    assert faults(at.page) == []
    at.page.click("#query >> text=Choose a part")
    assert faults(at.page) == []
    at.page.keyboard.press("Escape")
    at.page.click("#show-options")
    assert faults(at.page) == []
    at.page.keyboard.press("Escape")
    at.act("Compare with harbour light")
    expect(at.page.locator("#compare")).to_contain_text("Same image")
    assert faults(at.page) == []
    at.page.keyboard.press("Escape")
    at.page.get_by_label("Show harbour light").click()
    expect(at.page.locator("#neighbors img")).not_to_have_count(0)
    assert faults(at.page) == []
    at.page.keyboard.press("Escape")
    at.page.keyboard.press("Space")
    expect(at.page.locator("#selection")).to_be_visible()
    assert faults(at.page) == []
    at.page.keyboard.press("Escape")
    at.act("Remove harbour light")
    expect(at.page.locator("#toast")).to_be_visible()
    assert faults(at.page) == []


def test_a_search_needs_no_mouse(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    focused = "document.activeElement"
    at.page.keyboard.press("Tab")
    expect(at.page.locator(".skip")).to_be_focused()
    at.page.keyboard.press("Enter")
    expect(at.page.locator("#main")).to_be_focused()
    for _ in range(14):
        at.page.keyboard.press("Tab")
        if at.page.evaluate(f"{focused}.className") == "preview":
            break
    name = at.page.evaluate(f"{focused}.getAttribute('aria-label')").removeprefix("Show ")
    at.page.keyboard.press("Enter")
    expect(at.page.locator("#lightbox-title")).to_have_text(name)
    for _ in range(6):
        at.page.keyboard.press("Tab")
        if at.page.evaluate(f"{focused}.textContent") == "Search from this":
            break
    at.page.keyboard.press("Enter")
    expect(at.page.locator("#found")).to_have_text(f"Similar to {name}")
    expect(at.page.locator("#found")).to_be_focused()
    expect(at.page.locator("#status")).to_contain_text("24 images found, the most similar is")


def test_dark_mode_follows_the_preference(visit: Visitor, origin: str) -> None:
    for scheme, is_dark in (("light", False), ("dark", True)):
        at = visit(origin, color_scheme=scheme).to()
        back = at.page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(int(part) for part in back[4:-1].split(",")) / 3
        assert (lightness < 60) is is_dark


@pytest.mark.parametrize("place", PLACES)
def test_no_view_is_wider_than_a_phone(visit: Visitor, writable: str, place: str) -> None:
    at = visit(writable, viewport=PHONE, has_touch=True, is_mobile=True).to(place)
    assert at.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("place", PLACES)
def test_a_finger_hits_every_control(visit: Visitor, origin: str, place: str) -> None:
    at = visit(origin, viewport=PHONE, has_touch=True, is_mobile=True).to(place)
    assert too_small(at.page) == []


def test_a_phone_shows_results_without_scrolling(
    visit: Visitor, origin: str, gallery: Path
) -> None:
    at = visit(origin, viewport=PHONE, has_touch=True, is_mobile=True).to()
    at.ask(gallery / "harbour" / "size.jpg")
    header, first = at.page.locator("header").bounding_box(), at.cards.first.bounding_box()
    assert header is not None
    assert first is not None
    assert header["height"] < 60, "one row"
    assert first["y"] + first["height"] < PHONE["height"] / 2


def test_the_page_weighs_less_than_100_kb(visit: Visitor, origin: str) -> None:
    at = visit(origin)
    answers: list[Response] = []
    at.page.on("response", lambda answer: answers.append(answer))
    at.to()
    sizes = [len(gzip.compress(answer.body())) for answer in answers if "/v1/" not in answer.url]
    assert len(sizes) > 10
    assert sum(sizes) < _COMPRESSED


def test_a_key_is_asked_for_once(visit: Visitor, catalogue: Path, tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "keys").add("page")
    with running(catalogue, keys=tmp_path / "keys") as origin:
        at = visit(origin)
        at.page.goto(origin)
        at.page.fill("#key input", "wrong")
        at.page.press("#key input", "Enter")
        expect(at.page.locator("#key-error")).to_contain_text("not a key of this server")
        expect(at.page.locator("#key input")).to_have_value("")
        at.page.fill("#key input", key)
        at.page.press("#key input", "Enter")
        expect(at.cards).to_have_count(24)
        shown = at.cards.first.locator("img")
        expect(shown).to_have_attribute("src", re.compile("^blob:"))
        at.act(f"Search with {at.names()[0]}")
        at.found()
        at.page.reload()
        at.found()
        expect(at.page.locator("#key")).to_be_hidden()


def test_without_a_key_the_page_says_why(visit: Visitor, catalogue: Path, tmp_path: Path) -> None:
    KeyFile(tmp_path / "keys").add("page")
    with running(catalogue, keys=tmp_path / "keys") as origin:
        at = visit(origin)
        at.page.goto(origin)
        at.page.locator("#key").wait_for()
        at.page.keyboard.press("Escape")
        expect(at.page.locator("#startup-error")).to_have_text("This server requires an API key.")
