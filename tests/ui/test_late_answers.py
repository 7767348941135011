"""What comes late changes only what is still waiting for it."""

import re
from pathlib import Path

import PIL.Image
import pytest
from playwright.sync_api import Route, expect

from imagefinder import Finder

from ..conftest import drawn
from .conftest import Visit, Visitor, running
from .late import late


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A catalogue of three images, and a file of another."""
    for seed in range(4):
        PIL.Image.fromarray(drawn(seed)).save(tmp_path / f"{seed}.png")
    with Finder.create(tmp_path / "few.db", "dhash") as finder:
        finder.add([tmp_path / f"{seed}.png" for seed in range(3)])
    return tmp_path / "few.db"


def go(at: Visit, view: str) -> None:
    at.page.get_by_role("link", name=view, exact=True).click()


def test_examples_do_not_replace_hits(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at, answers = late(visit, origin)
        answers.hold("v1/images[?]", at_start=True)
        at.page.goto(origin)
        answers.wait_for(1)
        at.ask(few.parent / "3.png")
        answers.let()
        expect(at.page.locator("#found")).to_have_text("Similar to 3.png")
        assert at.page.title() == "3.png | ImageFinder"


def test_what_is_found_says_nothing_in_another_view(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at, answers = late(visit, origin)
        at.to()
        answers.hold("v1/search")
        at.page.set_input_files("#choose", few.parent / "3.png")
        answers.wait_for(1)
        go(at, "Catalogue")
        answers.let()
        assert at.page.title() == "Catalogue | ImageFinder"
        answers.stop()
        at.page.go_back()
        at.found()
        assert len(at.names()) == 3


def test_an_answer_from_before_a_removal_is_not_kept(visit: Visitor, few: Path) -> None:
    with running(few, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        name = at.names()[0]
        answers.hold("DELETE")
        at.act(f"Remove {name}")
        at.page.click("#remove-now")
        answers.wait_for(1)
        answers.hold("v1/search")
        at.page.set_input_files("#choose", few.parent / "3.png")
        answers.wait_for(2)
        answers.let()  # the removal is done while the search is on its way
        expect(at.page.locator("#toast-text")).to_have_text(f"{name} removed.")
        answers.let()
        at.found()
        asked = len([one for one in at.requests if "v1/search" in one.url])
        go(at, "Catalogue")
        answers.stop()
        at.page.go_back()
        at.found()
        assert len([one for one in at.requests if "v1/search" in one.url]) == asked + 1
        assert name not in at.names()


def test_images_that_come_late_are_not_those_of_another_comparison(
    visit: Visitor, origin: str, gallery: Path
) -> None:
    at = visit(origin).to()
    at.ask(gallery / "harbour" / "crop.jpg")
    first, second, *_ = at.names()
    waiting: list[Route] = []
    at.page.route(
        "**/thumbnail?*side=1024*",
        lambda route: route.continue_() if waiting else waiting.append(route),
    )
    dialog = at.page.locator("#compare")
    at.act(f"Compare with {first}")
    at.page.keyboard.press("Escape")
    at.act(f"Compare with {second}")
    expect(dialog.locator("p")).to_contain_text("one geometric transformation")
    with at.page.expect_response("**/thumbnail?*side=1024*"):
        waiting[0].continue_()
    at.page.evaluate("new Promise((done) => setTimeout(done, 50))")
    expect(dialog.locator("svg")).to_have_count(1)


def test_a_map_that_is_asked_for_twice_is_drawn_once(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at, answers = late(visit, origin)
        at.to()
        answers.hold("v1/map")
        go(at, "Map")
        go(at, "Search")
        go(at, "Map")
        answers.wait_for(2)
        answers.let()
        expect(at.page.locator("#map-progress")).to_be_visible()
        expect(at.page.locator("#map-canvas")).to_be_hidden()
        answers.let()
        expect(at.page.locator("#map-status")).to_have_text("3 images.")


def test_a_folder_that_is_closed_stays_closed(visit: Visitor, catalogue: Path) -> None:
    with running(catalogue, show_paths=True) as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        at.page.click("#show-folders")
        answers.hold("v1/folders")
        toggle = at.page.get_by_label("Folders in mosaic")
        toggle.evaluate("(one) => { one.click(); one.click(); }")
        expect(toggle).to_have_attribute("aria-expanded", "false")
        answers.let()
        inner = at.page.locator("li", has=toggle).locator("> div")
        expect(inner).to_be_empty()
        toggle.click()
        answers.fail()
        expect(inner).to_contain_text("The server does not respond")


def test_files_that_are_given_meanwhile_are_added_too(visit: Visitor, few: Path) -> None:
    (few.parent / "notes.jpg").write_text("no image")
    with running(few, writable=True, uploads=few.parent / "uploads") as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        answers.hold("POST v1/images")
        at.page.set_input_files("#add-files", few.parent / "notes.jpg")
        answers.wait_for(1)
        at.page.set_input_files("#add-files", few.parent / "3.png")
        at.page.fill("#look input", "being typed")
        answers.let()
        answers.wait_for(1)
        expect(at.page.locator("#add-text")).to_have_text("1 of 2")
        answers.let()
        expect(at.page.locator("#add-text")).to_have_text("1 image added, 1 failed")
        expect(at.page.locator("#add-errors li")).to_contain_text("notes.jpg: ")
        expect(at.page.locator("#count")).to_have_text("4 images")
        expect(at.page.locator("#look input")).to_have_value("being typed")


def test_what_is_being_typed_in_another_view_stays(visit: Visitor, few: Path) -> None:
    with running(few, writable=True, uploads=few.parent / "uploads") as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        answers.hold("POST v1/images")
        at.page.set_input_files("#add-files", few.parent / "3.png")
        answers.wait_for(1)
        go(at, "Search")
        at.settled()
        before = len(at.requests)
        answers.let()
        expect(at.page.locator("#add-text")).to_have_text("1 image added")
        assert [one.url for one in at.requests[before:] if "v1/images?" in one.url] == []


def test_the_number_of_images_is_one_before_they_are_listed(visit: Visitor, few: Path) -> None:
    with running(few, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to()
        at.act(f"Remove {at.names()[0]}")
        at.page.click("#remove-now")
        expect(at.page.locator("#toast-text")).to_contain_text("removed.")
        answers.hold("v1/images[?]")
        go(at, "Catalogue")
        answers.wait_for(1)
        expect(at.page.locator("#count")).to_have_text("Catalogue")
        answers.let()
        expect(at.page.locator("#count")).to_have_text("2 images")


def test_images_that_were_added_are_examples(visit: Visitor, few: Path) -> None:
    Finder.create(few.parent / "empty.db", "dhash").close()
    with running(few.parent / "empty.db", writable=True, uploads=few.parent / "up") as origin:
        at = visit(origin).to("#catalogue")
        at.page.set_input_files("#add-files", few.parent / "0.png")
        expect(at.page.locator("#count")).to_have_text("1 image")
        go(at, "Search")
        expect(at.cards).to_have_count(1)


def test_a_dialog_goes_with_its_view(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at = visit(origin).to()
        at.ask(few.parent / "3.png")
        at.page.click("#query >> text=Choose a part")
        expect(at.page.locator("#part")).to_be_visible()
        at.page.go_back()
        expect(at.page.locator("#part")).to_be_hidden()
        expect(at.page.locator("#found")).to_have_text("Or start with one of these")


def test_links_work_before_the_server_answers(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at, answers = late(visit, origin)
        answers.hold("v1/stats", at_start=True)
        at.page.goto(f"{origin}/#catalogue?sort=name")
        answers.wait_for(1)
        at.page.locator(".skip").press("Enter")
        expect(at.page.locator("#main")).to_be_focused()
        answers.let()
        assert at.names() == ["0.png", "1.png", "2.png"]


def test_a_preview_that_comes_late_leaves_the_focus(visit: Visitor, few: Path) -> None:
    PIL.Image.fromarray(drawn(3)).save(few.parent / "3.tiff")
    with running(few) as origin:
        at, answers = late(visit, origin)
        at.to()
        answers.hold("v1/preview")
        at.ask(few.parent / "3.tiff")
        answers.wait_for(1)
        clear = at.page.get_by_role("button", name="Clear", exact=True)
        clear.focus()
        before = clear.bounding_box()
        answers.let()
        part = at.page.get_by_role("button", name="Choose a part")
        expect(part).to_be_visible()
        expect(clear).to_be_focused()
        assert clear.bounding_box() is not None
        assert before is not None


def test_a_closed_camera_does_not_end_the_next(visit: Visitor, origin: str) -> None:
    at = visit(origin)
    at.page.add_init_script(
        """
        const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = function () {
            HTMLMediaElement.prototype.play = play;
            return new Promise((_, refuse) => { window.interrupt = refuse; });
        };
        """
    )
    at.to().page.click("#photograph")
    expect(at.page.locator("#video")).not_to_have_js_property("srcObject", None)
    at.page.click("#camera >> text=Cancel")
    at.page.click("#photograph")
    expect(at.page.locator("#shutter")).to_be_enabled()
    at.page.evaluate("window.interrupt(new DOMException('a new load', 'AbortError'))")
    at.page.evaluate("new Promise((done) => setTimeout(done))")
    expect(at.page.locator("#camera-error")).to_be_hidden()
    assert at.page.evaluate("document.getElementById('video').srcObject.active")
    at.page.click("#shutter")
    at.found()
    expect(at.page.locator("#found")).to_have_text(re.compile("photograph.jpg"))
