"""The catalogue view: browse, add, delete."""

import re
from pathlib import Path

import PIL.Image
import pytest
from playwright.sync_api import expect

from ..conftest import drawn
from .conftest import Visitor, running


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
    last.locator(".preview").click()
    expect(at.page.locator("#found")).to_have_text(f"Similar to {name}")


def test_an_image_is_opened_in_a_tab_of_its_own(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#catalogue")
    with at.page.context.expect_page() as opened:
        at.act(f"Open {at.names()[0]}")
    opened.value.wait_for_url(re.compile("/file"))


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
    at.page.click("#confirm >> text=Cancel")
    expect(at.cards.first.locator(".name")).to_have_text("new-0.png")
    at.act("Remove new-0.png")
    at.page.click("#confirm .danger")
    expect(at.page.locator("#status")).to_have_text("new-0.png removed.")
    assert "new-0.png" not in at.names()
    at.page.click("nav >> text=Catalogue")
    expect(at.page.locator("#count")).to_have_text("145 images")
    at.page.go_back()  # cached responses are discarded
    at.found()
    assert "new-0.png" not in at.names()


def test_what_is_too_large_is_not_even_sent(
    visit: Visitor, catalogue: Path, news: list[Path]
) -> None:
    with running(catalogue, writable=True, max_upload=2000) as origin:
        at = visit(origin).to("#catalogue")
        at.page.set_input_files("#add-files", str(news[0]))
        expect(at.page.locator("#add-errors li")).to_contain_text("larger than the 2,000 bytes")
        assert [one.url for one in at.requests if one.method == "POST"] == []
