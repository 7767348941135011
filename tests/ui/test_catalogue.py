"""The catalogue view: browse, add, delete."""

import re
from pathlib import Path

import PIL.Image
import pytest
from playwright.sync_api import expect

from ..conftest import drawn
from .conftest import Visitor, page_of, running


@pytest.fixture
def news(tmp_path: Path) -> list[Path]:
    """Two images that are not stored, and a file that is no image."""
    folder = tmp_path / "news"
    folder.mkdir()
    for seed in range(2):
        PIL.Image.fromarray(drawn(seed)).save(folder / f"new-{seed}.png")
    (folder / "notes.jpg").write_text("no image")
    return sorted(folder.iterdir())


def test_all_images_are_browsed_by_scrolling(visit: Visitor, origin: str) -> None:
    at = visit(origin, viewport={"width": 390, "height": 400}).to("#catalogue")
    expect(at.page.locator("#count")).to_have_text("144 images")
    most, seen = 0, set(at.names())
    last = at.page.locator(".card[aria-posinset='144']")
    for _ in range(100):
        if last.count():
            break
        at.page.mouse.wheel(0, 300)
        expect(at.cards.last).to_be_attached()
        most = max(most, at.cards.count())
        seen |= set(at.names())
    assert len(seen) == 144
    assert most < 60, "only what is near the window is in the page"
    expect(at.page.locator("#add-zone")).to_be_hidden()
    assert at.cards.locator(".danger").count() == 0
    name = last.locator(".name").text_content()
    at.act(f"Search with {name}")
    expect(at.page.locator("#found")).to_have_text(f"Similar to {name}")


def test_images_are_added_and_deleted(visit: Visitor, writable: str, news: list[Path]) -> None:
    at = visit(writable).to("#catalogue")
    at.page.set_input_files("#add-files", [str(one) for one in news])
    expect(at.page.locator("#add-text")).to_have_text("2 images added, 1 failed")
    expect(at.page.locator("#add-errors li")).to_contain_text(
        "notes.jpg: not an image in a supported format"
    )
    expect(at.page.locator("#count")).to_have_text("146 images")
    at.page.set_input_files("#add-files", str(news[0]))
    expect(at.page.locator("#add-text")).to_have_text("0 images added, 1 already in the catalogue")
    at.page.click("nav >> text=Search")
    at.ask(news[0])
    assert at.names()[0] == "new-0.png"
    at.act("Remove new-0.png")
    at.page.click("#undo")
    expect(at.cards.first.locator(".name")).to_have_text("new-0.png")
    at.act("Remove new-0.png")
    at.page.click("#remove-now")
    expect(at.page.locator("#status")).to_have_text("new-0.png removed.")
    assert "new-0.png" not in at.names()
    at.page.click("nav >> text=Catalogue")
    expect(at.page.locator("#count")).to_have_text("145 images")
    at.page.go_back()  # cached responses are discarded
    at.found()
    assert "new-0.png" not in at.names()


def test_images_are_sorted_and_the_address_says_how(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#catalogue")
    at.page.select_option("#sort", "name")
    at.page.wait_for_url(re.compile("sort=name"))
    upwards = at.names()[0]
    at.page.click("#order")
    at.page.wait_for_url(re.compile("order=desc"))
    at.settled()
    assert at.names()[0] != upwards
    at.page.go_back()
    expect(at.cards.first.locator(".name")).to_have_text(upwards)
    at.page.reload()
    expect(at.cards.first.locator(".name")).to_have_text(upwards)


def test_images_are_found_by_words_and_filters(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#catalogue")
    at.page.fill("#look input", "MOSAIC")
    at.page.press("#look input", "Enter")
    expect(at.page.locator("#list-filter .chip")).to_have_text("“MOSAIC” ✕")
    at.settled()
    assert {name.split()[0] for name in at.names()} == {"mosaic"}
    at.page.click("#list-filter .chip")
    expect(at.page.locator("#count")).to_have_text("144 images")
    at.page.click("#show-filters")
    at.page.fill("#condition input >> nth=0", "scene")
    at.page.select_option("#condition select", "ne")
    at.page.fill("#condition input >> nth=1", "harbour")
    at.page.press("#condition input >> nth=1", "Enter")
    expect(at.page.locator("#list-filter .chip")).to_have_text("scene ≠ harbour ✕")
    expect(at.page.locator("#count")).not_to_have_text("144 images")
    at.page.fill("#look input", "no such words")
    at.page.press("#look input", "Enter")
    expect(at.page.locator("#images")).to_contain_text("No name and no metadata have these words")
    at.page.click("#list-filter .chip >> nth=0")
    at.settled()
    expect(at.cards.first).to_be_visible()
    expect(at.page.locator("#images .empty")).to_have_count(0)


def test_folders_are_browsed(visit: Visitor, catalogue: Path) -> None:
    with running(catalogue, show_paths=True) as origin:
        at = visit(origin).to("#catalogue")
        at.page.click("#show-folders")
        at.page.get_by_role("button", name="mosaic", exact=True).click()
        expect(at.page.locator("#list-filter .chip")).to_contain_text("mosaic")
        at.settled()
        assert {name.split()[0] for name in at.names()} == {"mosaic"}
        at.cards.first.locator(".preview").click()
        expect(at.page.locator("#facts")).to_contain_text("/mosaic/")


def test_the_address_says_where_one_has_scrolled_to(visit: Visitor, origin: str) -> None:
    at = visit(origin, viewport={"width": 390, "height": 400}).to("#catalogue")
    at.page.mouse.wheel(0, 2000)
    at.page.wait_for_url(re.compile("at="))
    first = at.page.evaluate("new URLSearchParams(location.hash.split('?')[1]).get('at')")
    at.page.reload()
    card = at.page.locator(f".card[aria-posinset='{int(first) + 1}']")
    expect(card).to_be_in_viewport()


def test_the_lightbox_returns_to_where_one_has_scrolled_to(visit: Visitor, origin: str) -> None:
    at = visit(origin, viewport={"width": 390, "height": 400}).to("#catalogue")
    at.page.mouse.wheel(0, 2000)
    at.page.wait_for_url(re.compile("at="))
    listings = sum("v1/images?" in one.url for one in at.requests)
    first = at.page.evaluate("Number(new URLSearchParams(location.hash.split('?')[1]).get('at'))")
    card = at.page.locator(f".card[aria-posinset='{first + 3}'] .preview")
    card.click()
    expect(at.page.locator("#lightbox")).to_be_visible()
    at.page.keyboard.press("Escape")
    expect(card).to_be_focused()
    expect(card).to_be_in_viewport()
    assert sum("v1/images?" in one.url for one in at.requests) == listings


def test_a_focused_card_has_its_place_wherever_one_scrolls(visit: Visitor, origin: str) -> None:
    at = visit(origin, viewport={"width": 390, "height": 400}).to("#catalogue")
    focused = at.page.locator(".card[aria-posinset='6']")
    focused.locator(".preview").focus()
    at.page.mouse.move(200, 200)
    at.page.mouse.wheel(0, 5000)
    expect(at.page.locator(".card[aria-posinset='8']")).to_have_count(0)
    before = focused.get_attribute("style") or ""
    at.page.set_viewport_size({"width": 900, "height": 400})
    expect(focused).not_to_have_attribute("style", before)


@pytest.mark.parametrize("where", ["null", "x{", '"abc"', "[1]"])
def test_an_address_without_a_filter_that_can_be_read_says_what_is_wrong(
    visit: Visitor, origin: str, where: str
) -> None:
    at = visit(origin).to(f"#catalogue?where={where}")
    expect(at.page.locator("#list-error")).to_contain_text("expected a JSON object")
    expect(at.page.locator("#list-filter .chip")).to_have_count(0)


def test_a_million_images_are_scrolled_through(visit: Visitor, origin: str) -> None:
    """The listing is made up; all else is as it is."""
    total = 1_000_000
    at = visit(origin, viewport={"width": 390, "height": 700})
    at.page.route("**/v1/images?*", lambda route: route.fulfill(json=page_of(route, total)))
    at.page.route("**/thumbnail?*", lambda route: route.fulfill(status=404, json={}))
    at.to("#catalogue")
    expect(at.page.locator("#count")).to_have_text("1,000,000 images")
    at.page.keyboard.press("End")
    last = at.page.locator(f".card[aria-posinset='{total}']")
    expect(last).to_be_in_viewport()
    expect(last.locator(".name")).to_have_text(f"{total - 1}.jpg")
    assert at.cards.count() < 60
    at.page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    middle = at.page.locator(".card").first
    expect(middle).to_have_attribute("aria-posinset", re.compile("^(4[89]|5[01])....$"))
    at.page.wait_for_url(re.compile("at=(4[89]|5[01])....$"))
    at.page.reload()
    expect(middle).to_have_attribute("aria-posinset", re.compile("^(4[89]|5[01])....$"))


def test_what_is_too_large_is_not_even_sent(
    visit: Visitor, catalogue: Path, news: list[Path]
) -> None:
    with running(catalogue, writable=True, max_upload=2000) as origin:
        at = visit(origin).to("#catalogue")
        at.page.set_input_files("#add-files", str(news[0]))
        expect(at.page.locator("#add-errors li")).to_contain_text("larger than the 2,000 bytes")
        assert [one.url for one in at.requests if one.method == "POST"] == []
