"""The lightbox, the groups of copies and removals, while answers are late."""

from pathlib import Path

import PIL.Image
import pytest
from playwright.sync_api import expect

from imagefinder import Finder

from ..conftest import drawn
from .conftest import Visit, Visitor, page_of, running
from .late import late


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A catalogue of three images."""
    with Finder.create(tmp_path / "few.db", "dhash") as finder:
        for seed in range(3):
            PIL.Image.fromarray(drawn(seed)).save(tmp_path / f"{seed}.png")
            finder.add(tmp_path / f"{seed}.png")
    return tmp_path / "few.db"


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """A catalogue of two images with copies: three of the one, two of the other."""
    folder = tmp_path / "twins"
    folder.mkdir()
    for seed, count in ((1, 3), (2, 2)):
        image = PIL.Image.fromarray(drawn(seed, 600, 400))
        for number in range(count):
            size = (600 - 30 * number, 400 - 20 * number)
            image.resize(size).save(folder / f"{seed}-{number}.png")
    with Finder.create(tmp_path / "twins.db") as finder:
        finder.add(folder)
    return tmp_path / "twins.db"


def id_of(at: Visit, number: int) -> str:
    return at.cards.nth(number).get_attribute("data-id") or ""


def test_the_place_of_an_image_is_known_once_the_others_are(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        shown = id_of(visit(origin).to("#catalogue"), 0)
        at, answers = late(visit, origin)
        answers.hold("v1/images[?]", at_start=True)
        at.page.goto(f"{origin}/#catalogue?show={shown}")
        expect(at.page.locator("#facts")).to_contain_text("Pixels")
        expect(at.page.locator("#next")).to_be_hidden()
        answers.let()
        expect(at.page.locator("#next")).to_be_visible()
        expect(at.page.locator("#previous")).to_be_hidden()


def test_a_comparison_is_offered_before_the_hits_are_there(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        query, shown = id_of(at, 0), id_of(at, 1)
        at.page.goto("about:blank")
        answers.hold("v1/search", at_start=True)
        at.page.goto(f"{origin}/#search?id={query}&show={shown}")
        expect(at.page.locator("#facts")).to_contain_text("Pixels")
        expect(at.page.get_by_role("button", name="Compare with the query")).to_be_visible()


def test_keys_work_when_what_had_the_focus_is_gone(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at = visit(origin).to("#catalogue?sort=name")
        title = at.page.locator("#lightbox-title")
        at.cards.nth(1).locator(".preview").click()
        at.page.click("#next")
        expect(title).to_have_text("2.png")
        expect(at.page.locator("#next")).to_be_hidden()
        at.page.keyboard.press("ArrowLeft")
        expect(title).to_have_text("1.png")
        at.page.locator("#neighbors").get_by_label("Show 0.png").click()
        expect(title).to_have_text("0.png")
        at.page.keyboard.press("ArrowRight")
        expect(title).to_have_text("1.png")


def test_each_key_counts_while_images_are_loaded(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        at, answers = late(visit, origin)
        at.page.route("**/v1/images?*", lambda route: route.fulfill(json=page_of(route, 1000)))
        at.page.route("**/thumbnail?*", lambda route: route.fulfill(status=404, json={}))
        at.to("#catalogue")
        answers.hold("offset=200")
        at.page.evaluate(f"location.hash = '#catalogue?show={199:016x}'")
        title, fault = at.page.locator("#lightbox-title"), at.page.locator("#lightbox-error")
        expect(title).to_have_text("199.jpg")
        expect(fault).to_be_visible()  # the server has no such image: the listing is made up
        at.page.keyboard.press("ArrowRight")
        answers.wait_for(1)
        answers.fail()
        expect(fault).to_have_text("The server does not respond. Is it still running?")
        for _ in range(2):
            at.page.keyboard.press("ArrowRight")
        answers.wait_for(2)
        answers.let()
        answers.let()
        expect(at.page).to_have_url(f"{origin}/#catalogue?show={201:016x}")


def test_what_opened_the_page_does_not_lead_out_of_it(visit: Visitor, few: Path) -> None:
    with running(few) as origin:
        shown = id_of(visit(origin).to("#catalogue"), 0)
        at = visit(origin)
        at.page.goto(f"{origin}/#catalogue?show={shown}")
        at.page.click("text=Search from this")
        at.found()
        at.page.go_back()
        expect(at.page.locator("#lightbox")).to_be_visible()
        at.page.keyboard.press("Escape")
        expect(at.page).to_have_url(f"{origin}/#catalogue")


def test_what_is_asked_for_later_is_not_removed_at_once(visit: Visitor, few: Path) -> None:
    with running(few, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        first, second, _ = at.names()
        answers.hold("DELETE")
        at.act(f"Remove {first}")
        at.act(f"Remove {second}")
        answers.wait_for(1)
        expect(at.page.locator("#remove-now")).to_have_text("Close")
        at.page.click("#remove-now")
        answers.let()
        expect(at.page.locator("#toast-text")).to_contain_text(f"Removing {second} from")
        at.page.locator("#undo").evaluate("(one) => { one.click(); one.click(); }")
        expect(at.page.locator("#toast-text")).to_have_text(f"{second} kept.")
        assert len([one for one in at.requests if one.method == "DELETE"]) == 1


def test_a_listing_from_before_a_removal_is_asked_for_again(visit: Visitor, few: Path) -> None:
    with running(few, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to("#catalogue")
        name = at.names()[0]
        answers.hold("DELETE|v1/images[?]")
        at.act(f"Remove {name}")
        at.page.click("#remove-now")
        answers.wait_for(1)
        at.page.select_option("#sort", "name")
        answers.wait_for(2)
        answers.let()
        answers.wait_for(2)  # the earlier listing is of no use
        answers.let()
        answers.let()
        expect(at.page.locator("#count")).to_have_text("2 images")
        assert name not in at.names()


def test_removals_of_one_group_leave_the_others(visit: Visitor, twins: Path) -> None:
    with running(twins, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to("#copies")
        expect(at.page.locator(".group")).to_have_count(2)
        answers.hold("DELETE")
        group = at.page.get_by_label("Copies of 1-0.png", exact=True)
        for number in (1, 2):
            group.get_by_label(f"Remove 1-{number}.png from the catalogue").click()
            at.page.click("#confirm .danger")
        answers.wait_for(2)
        answers.let(1)
        expect(group.locator(".member")).to_have_count(2)
        answers.let()
        expect(group).to_have_count(0)
        expect(at.page.get_by_label("Copies of 2-0.png", exact=True)).to_be_visible()


def test_no_copy_is_said_and_taken_back_once(visit: Visitor, twins: Path) -> None:
    with running(twins, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to("#copies")
        expect(at.page.locator(".group")).to_have_count(2)
        answers.hold("decisions")
        twice = "(one) => { one.click(); one.click(); }"
        at.page.get_by_label("2-1.png is not a copy").evaluate(twice)
        answers.wait_for(2)
        answers.let()
        answers.let()
        group = at.page.get_by_label("Copies of 2-0.png", exact=True)
        expect(group).to_have_count(0)
        expect(at.page.locator(".group")).to_have_count(1)
        at.page.locator("#copies-undo button").evaluate(twice)
        answers.wait_for(2)
        answers.let()
        answers.let()
        expect(group.locator(".member")).to_have_count(2)
        expect(at.page.locator(".group")).to_have_count(2)


def test_undo_brings_back_only_its_own(visit: Visitor, twins: Path) -> None:
    with running(twins, writable=True) as origin:
        at, answers = late(visit, origin)
        at.to("#copies")
        answers.hold("POST v1/duplicates/decisions")
        group = at.page.get_by_label("Copies of 1-0.png", exact=True)
        for number in (1, 2):
            group.get_by_label(f"1-{number}.png is not a copy").click()
        answers.wait_for(2)
        answers.let()
        expect(group.locator(".member")).to_have_count(2)
        threshold = at.page.locator("#copies-form [name=threshold]")
        threshold.focus()
        answers.let()
        expect(group).to_have_count(0)
        expect(threshold).to_be_focused()
        at.page.click("#copies-undo >> text=Undo")
        expect(group.locator(".member")).to_have_count(2)
        expect(group).to_contain_text("1-2.png")
