"""Selecting several images, and what can be done with them together."""

import csv
from collections.abc import Callable
from pathlib import Path

import PIL.Image
from playwright.sync_api import Route, expect

from imagefinder import Finder

from ..conftest import drawn
from .conftest import Visit, Visitor, page_of, running


def pick(at: Visit, number: int, **options: object) -> None:
    at.cards.nth(number).hover()
    at.cards.nth(number).locator(".pick input").click(**options)  # type: ignore[arg-type]


def test_a_range_is_selected_and_searched_with(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#catalogue")
    pick(at, 1)
    pick(at, 4, modifiers=["Shift"])
    count = at.page.locator("#selection-count")
    expect(count).to_have_text("4 selected")
    pick(at, 2)
    expect(count).to_have_text("3 selected")
    at.page.click("#selection-search")
    at.found()
    expect(at.page.locator("#query .tile")).to_have_count(3)
    expect(at.page.locator("#selection")).to_be_hidden()


def test_the_keyboard_selects(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#catalogue")
    at.cards.nth(0).locator(".preview").focus()
    at.page.keyboard.press("Space")
    at.cards.nth(2).locator(".preview").focus()
    at.page.keyboard.press("Shift+Space")
    expect(at.page.locator("#selection-count")).to_have_text("3 selected")
    expect(at.page.locator("#status")).to_have_text("3 images selected")
    at.page.keyboard.press("Escape")
    expect(at.page.locator("#selection")).to_be_hidden()
    expect(at.page.locator(".pick input:checked")).to_have_count(0)


def from_first_to_last(at: Visit, listed: Callable[[Route], None]) -> Visit:
    """The first of 600 images is selected, the last has the focus; those between are not loaded."""
    at.page.route("**/v1/images?*", listed)
    at.page.route("**/thumbnail?*", lambda route: route.fulfill(status=404, json={}))
    at.to("#catalogue")
    at.card(1).locator(".preview").focus()
    at.page.keyboard.press("Space")
    at.page.keyboard.press("End")
    expect(at.card(600)).to_be_in_viewport()
    at.card(600).locator(".preview").focus()
    return at


def test_a_range_that_is_still_loading_is_cleared_with_the_others(
    visit: Visitor, origin: str
) -> None:
    """The listing is made up, and the block in its middle comes late."""
    waiting: list[Route] = []

    def listed(route: Route) -> None:
        if "offset=200" in route.request.url and not waiting:
            waiting.append(route)
        else:
            route.fulfill(json=page_of(route, 600))

    at = from_first_to_last(visit(origin, viewport={"width": 390, "height": 700}), listed)
    with at.page.expect_request("**offset=200**"):
        at.page.keyboard.press("Shift+Space")
    at.page.keyboard.press("Escape")
    expect(at.page.locator("#selection")).to_be_hidden()
    with at.page.expect_response("**offset=200**"):
        waiting[0].fulfill(json=page_of(waiting[0], 600))
    at.page.keyboard.press("Space")
    expect(at.page.locator("#selection-count")).to_have_text("1 selected")


def test_a_range_that_cannot_be_loaded_is_told(visit: Visitor, origin: str) -> None:
    def listed(route: Route) -> None:
        if "offset=200" in route.request.url:
            route.fulfill(status=410, json={"detail": "the catalogue is away"})
        else:
            route.fulfill(json=page_of(route, 600))

    at = from_first_to_last(visit(origin, viewport={"width": 390, "height": 700}), listed)
    at.page.keyboard.press("Shift+Space")
    expect(at.page.locator("#list-error")).to_contain_text("the catalogue is away")
    expect(at.page.locator("#selection-count")).to_have_text("2 selected")


def test_their_list_is_downloaded(visit: Visitor, origin: str) -> None:
    at = visit(origin).to("#catalogue")
    ids = [at.cards.nth(number).get_attribute("data-id") for number in range(2)]
    pick(at, 0)
    pick(at, 1)
    with at.page.expect_download() as download:
        at.page.click("#selection-list")
    with download.value.path().open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["id", "file"]
    assert [row[0] for row in rows] == ids
    assert all(row[1].endswith(".jpg") for row in rows)
    expect(at.page.locator("#selection-remove")).to_be_hidden()


def test_a_name_in_their_list_is_no_formula_of_a_spreadsheet(
    visit: Visitor, catalogue: Path, tmp_path: Path
) -> None:
    with Finder.open(catalogue) as finder:
        for seed, name in enumerate(("=1+1.png", "-1.png", "plain=1.png")):
            PIL.Image.fromarray(drawn(seed)).save(tmp_path / name)
            finder.add(tmp_path / name)
    with running(catalogue) as origin:
        at = visit(origin).to("#catalogue?words=1.png")
        for number in range(3):
            pick(at, number)
        with at.page.expect_download() as download:
            at.page.click("#selection-list")
        with download.value.path().open(newline="") as file:
            _, *rows = csv.reader(file)
    assert sorted(row[1] for row in rows) == ["./-1.png", "./=1+1.png", "plain=1.png"]


def test_once_all_are_removed_the_catalogue_says_that_there_are_none(
    visit: Visitor, writable: str
) -> None:
    at = visit(writable, viewport={"width": 600, "height": 400}).to("#catalogue")
    pick(at, 0)
    at.page.keyboard.press("End")
    expect(at.page.locator(".card[aria-posinset='144']")).to_be_in_viewport()
    pick(at, at.cards.count() - 1, modifiers=["Shift"])
    at.page.click("#selection-remove")
    at.page.click("#remove-now")
    expect(at.page.locator("#images .empty")).to_contain_text("No images yet")
    expect(at.page.locator("#count")).to_have_text("0 images")


def test_they_are_removed_after_a_while_unless_that_is_undone(
    visit: Visitor, writable: str
) -> None:
    at = visit(writable)
    at.page.clock.install()
    at.to("#catalogue")
    names = at.names()
    for number in (0, 1):
        pick(at, number)
    at.page.click("#selection-remove")
    expect(at.page.locator("#toast-text")).to_have_text("Removing 2 images from the catalogue.")
    expect(at.cards.first.locator(".name")).to_have_text(names[2])
    assert [one for one in at.requests if one.method == "DELETE"] == []
    at.page.click("#undo")
    expect(at.cards.first.locator(".name")).to_have_text(names[0])
    at.page.mouse.move(700, 300)
    for number in (0, 1):
        pick(at, number)
    at.page.click("#selection-remove")
    at.page.mouse.move(700, 300)
    at.page.clock.run_for(9000)
    expect(at.page.locator("#toast-text")).to_have_text("2 images removed.")
    expect(at.page.locator("#count")).to_have_text("142 images")
    assert len([one for one in at.requests if one.method == "DELETE"]) == 2
    at.page.reload()
    expect(at.page.locator("#count")).to_have_text("142 images")


def test_what_cannot_be_removed_is_shown_again(visit: Visitor, writable: str) -> None:
    at = visit(writable).to("#catalogue")
    name = at.names()[0]
    refusal = {"detail": "this API key is read-only"}
    at.page.route("**/v1/images/*", lambda route: route.fulfill(status=403, json=refusal))
    at.act(f"Remove {name}")
    at.page.click("#remove-now")
    expect(at.page.locator("#toast-text")).to_contain_text("not removed: this API key is read-only")
    expect(at.cards.first.locator(".name")).to_have_text(name)
    expect(at.page.locator("#count")).to_have_text("144 images")


def test_none_is_lost_while_the_removal_of_another_takes_long(
    visit: Visitor, tmp_path: Path
) -> None:
    with Finder.create(tmp_path / "few.db", encoder="compact") as finder:
        for seed in range(4):
            PIL.Image.fromarray(drawn(seed)).save(tmp_path / f"{seed}.png")
            finder.add(tmp_path / f"{seed}.png")
    waiting: list[Route] = []
    with running(tmp_path / "few.db", writable=True) as origin:
        at = visit(origin).to("#catalogue")
        at.page.route("**/v1/images/*", lambda route: _hold_first(route, waiting))
        for left in (3, 2, 1):
            at.act(f"Remove {at.names()[0]}")
            expect(at.cards).to_have_count(left)
        waiting[0].continue_()
        expect(at.page.locator("#undo")).to_be_visible()
        at.page.click("#remove-now")
        expect(at.page.locator("#count")).to_have_text("1 image")


def _hold_first(route: Route, waiting: list[Route]) -> None:
    """A first DELETE that waits, as if the server were busy."""
    if route.request.method != "DELETE" or waiting:
        route.continue_()
    else:
        waiting.append(route)
