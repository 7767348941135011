"""The lightbox: one image large, its facts and neighbors, and what can be done with it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from imagefinder import Finder

from .conftest import Visit, Visitor, running


@pytest.fixture
def opened(visit: Visitor, origin: str, gallery: Path) -> Visit:
    """The lightbox with the second hit of a search."""
    at = visit(origin).to()
    at.ask(gallery / "harbour" / "crop.jpg")
    at.cards.nth(1).locator(".preview").click()
    expect(at.page.locator("#neighbors img")).to_have_count(12)
    return at


def scale(at: Visit) -> float:
    matrix = "new DOMMatrix(getComputedStyle(document.querySelector('#picture img')).transform).a"
    return float(at.page.evaluate(matrix))


def test_arrows_go_through_the_hits_and_escape_returns(opened: Visit) -> None:
    at, title = opened, opened.page.locator("#lightbox-title")
    names = at.cards.locator(".name").all_text_contents()
    expect(title).to_have_text(names[1])
    at.page.keyboard.press("ArrowRight")
    expect(title).to_have_text(names[2])
    at.page.click("#previous")
    at.page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(names[0])
    expect(at.page.locator("#previous")).to_be_hidden()
    at.page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(names[0])
    at.page.keyboard.press("Escape")
    expect(at.page.locator("#lightbox")).to_be_hidden()
    expect(at.cards.first.locator(".preview")).to_be_focused()
    expect(at.page).not_to_have_url(re.compile("show="))


SLOW_BACK = "() => { history.back = () => setTimeout(() => history.go(-1), 500); }"
CLOSED = "!document.querySelector('#lightbox').open"


def test_it_closes_at_once_though_the_browser_takes_its_time(opened: Visit) -> None:
    at = opened
    at.page.evaluate(SLOW_BACK)
    at.page.keyboard.press("Escape")
    assert at.page.evaluate(CLOSED)
    expect(at.cards.nth(1).locator(".preview")).to_be_focused()
    at.page.keyboard.press("Escape")
    at.page.keyboard.press("Space")
    expect(at.page.locator("#selection")).to_contain_text("1")
    expect(at.page).not_to_have_url(re.compile("show="))
    expect(at.page.locator("#found")).to_have_text("Similar to crop.jpg")
    expect(at.page.locator("#selection")).to_be_visible()


def test_what_is_chosen_right_after_it_closed_is_opened(opened: Visit) -> None:
    at = opened
    at.page.evaluate(SLOW_BACK)
    at.page.keyboard.press("Escape")
    name = at.cards.nth(2).locator(".name").inner_text()
    at.act(f"Search with {name}")
    expect(at.page.locator("#found")).to_have_text(f"Similar to {name}")
    at.page.go_back()
    expect(at.page.locator("#found")).to_have_text("Similar to crop.jpg")
    expect(at.page.locator("#lightbox")).to_be_hidden()


def test_its_address_is_stable_and_back_closes_it(opened: Visit) -> None:
    at, title = opened, opened.page.locator("#lightbox-title")
    name = title.inner_text()
    at.page.keyboard.press("ArrowRight")
    expect(title).not_to_have_text(name)
    at.page.go_back()
    expect(at.page.locator("#lightbox")).to_be_hidden()
    expect(at.page.locator("#found")).to_have_text("Similar to crop.jpg")
    at.page.go_forward()
    expect(title).not_to_have_text(name)


def test_an_address_opens_it(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    shown = at.cards.first.get_attribute("data-id")
    name = at.names()[0]
    at.page.goto("about:blank")
    at.to(f"#catalogue?show={shown}")
    expect(at.page.locator("#lightbox-title")).to_have_text(name)
    at.page.click("#lightbox-close")
    expect(at.page.locator("#lightbox")).to_be_hidden()
    at.to("#catalogue?show=0123456789abcdef")
    expect(at.page.locator("#lightbox-error")).to_contain_text("no image with this id")


def test_it_is_zoomed(opened: Visit) -> None:
    at = opened
    stage = at.page.locator("#stage")
    assert scale(at) == 1
    stage.dblclick()
    assert scale(at) == pytest.approx(2.5)
    stage.dblclick()
    assert scale(at) == 1
    at.page.keyboard.press("+")
    assert scale(at) == pytest.approx(1.5)
    at.page.keyboard.press("0")
    assert scale(at) == 1
    stage.hover()
    at.page.mouse.wheel(0, -400)
    expect(at.page.locator("#stage.zoomed")).to_have_count(1)
    assert scale(at) == pytest.approx(2.718, abs=0.01)


PINCH = """(stage) => {
    const box = stage.getBoundingClientRect();
    const at = (kind, pointerId, x) => stage.dispatchEvent(new PointerEvent(kind, {
        pointerId, pointerType: "touch", clientX: box.left + box.width / 2 + x,
        clientY: box.top + box.height / 2, bubbles: true }));
    stage.setPointerCapture = () => {};
    at("pointerdown", 1, -20);
    at("pointerdown", 2, 20);
    at("pointermove", 1, -60);
    at("pointermove", 2, 60);
    at("pointerup", 1, -60);
    at("pointerup", 2, 60);
}"""


def test_it_is_pinched(opened: Visit) -> None:
    opened.page.locator("#stage").evaluate(PINCH)
    assert scale(opened) == pytest.approx(3)


def test_it_leads_to_a_search(opened: Visit) -> None:
    at = opened
    name = at.page.locator("#lightbox-title").inner_text()
    at.page.click("text=Search from this")
    expect(at.page.locator("#found")).to_have_text(f"Similar to {name}")
    expect(at.page.locator("#lightbox")).to_be_hidden()


def test_a_neighbor_is_shown_in_its_place(opened: Visit) -> None:
    at = opened
    link = at.page.locator("#neighbors a").nth(3)
    name = (link.get_attribute("aria-label") or "").removeprefix("Show ")
    link.click()
    expect(at.page.locator("#lightbox-title")).to_have_text(name)
    at.page.go_back()
    expect(at.page.locator("#lightbox")).to_be_hidden()


def test_it_is_compared_with_the_query(opened: Visit) -> None:
    opened.page.click("text=Compare with the query")
    status = opened.page.locator("#compare p[role=status]")
    expect(status).to_contain_text(re.compile("Same (image|thing)"))
    opened.page.keyboard.press("Escape")
    expect(opened.page.locator("#compare")).to_be_hidden()
    expect(opened.page.locator("#lightbox")).to_be_visible()


def test_its_file_is_downloaded(opened: Visit, gallery: Path) -> None:
    with opened.page.expect_download() as download:
        opened.page.click("text=Download >> visible=true")
    data = download.value.path().read_bytes()
    assert data in [file.read_bytes() for file in gallery.rglob("*.jpg")]


def test_its_metadata_filter_but_links_are_links(
    visit: Visitor, gallery: Path, tmp_path: Path
) -> None:
    about = {"scene": "harbour", "price": 12, "page": "https://example.org/a", "odd": {"a": 1}}
    script = "javascript:alert(1)"
    with Finder.create(tmp_path / "c.db", "classic") as finder:
        finder.add(gallery / "harbour" / "size.jpg", metadata={**about, "note": script})
        finder.add(gallery / "mosaic" / "size.jpg", metadata={"scene": "mosaic"})
    with running(tmp_path / "c.db") as origin:
        at = visit(origin).to("#catalogue?sort=name&words=harbour")
        at.cards.first.locator(".preview").click()
        facts = at.page.locator("#facts")
        page = facts.get_by_role("link", name="example.org")
        expect(page).to_have_attribute("href", "https://example.org/a")
        expect(page).to_have_attribute("rel", "noopener noreferrer")
        expect(facts).to_contain_text('{"a":1}')
        assert str(facts.get_by_text(script).get_attribute("href")).startswith("#catalogue?")
        facts.get_by_role("link", name="12").click()
        expect(at.page.locator("#list-filter .chip").last).to_have_text("price = 12 ✕")
        expect(at.page.locator("#lightbox")).to_be_hidden()
        expect(at.cards).to_have_count(1)


def test_a_removal_from_it_can_be_undone(visit: Visitor, writable: str) -> None:
    at = visit(writable).to("#catalogue")
    name = at.names()[0]
    at.cards.first.locator(".preview").click()
    at.page.click("#lightbox-actions >> text=Remove")
    expect(at.page.locator("#toast-text")).to_have_text(f"Removing {name} from the catalogue.")
    expect(at.cards.first.locator(".name")).not_to_have_text(name)
    at.page.click("#undo")
    expect(at.cards.first.locator(".name")).to_have_text(name)
