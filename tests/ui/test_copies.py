"""The view of copies: groups, comparison, files to remove, what is no copy."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from imagefinder import Finder
from imagefinder.testing.gallery import draw_scene

from ..conftest import MakeOnce
from .conftest import Visit, Visitor, running
from .test_access import PHONE, faults, too_small

Serve = Callable[..., str]

BEST, SMALL, AGAIN = "sea/harbour.png", "it's $HOME/harbour.jpg", "it's $HOME/harbour (1).jpg"
"""An image, a smaller copy of it, and the copy's very file."""
TWICE = ("mosaic.png", "sea/mosaic.png")


@pytest.fixture(scope="session")
def kept(make_once: MakeOnce) -> Path:
    """A folder of photographs with copies, and its catalogue; to be copied."""

    def fill(folder: Path) -> None:
        photos = folder / "photos"
        for path in (BEST, SMALL):
            (photos / path).parent.mkdir(parents=True)
        scene = draw_scene("harbour")
        scene.save(photos / BEST)
        scene.resize((scene.width // 2, scene.height // 2)).save(photos / SMALL, quality=70)
        shutil.copy(photos / SMALL, photos / AGAIN)
        draw_scene("mosaic").save(photos / TWICE[0])
        shutil.copy(photos / TWICE[0], photos / TWICE[1])
        draw_scene("coral-reef").save(photos / "alone.png")
        os.utime(photos / SMALL, (1.7e9, 1.7e9))  # after the others
        for path in (BEST, AGAIN, *TWICE):
            os.utime(photos / path, (1.6e9, 1.6e9))
        with Finder.create(folder / "photos.db") as finder:
            finder.add(photos)

    return make_once("ui-copies", fill)


@pytest.fixture
def serve(kept: Path, tmp_path: Path) -> Iterator[Serve]:
    """Serves a copy of the catalogue, and tells paths unless a setting says something else."""
    shutil.copy(kept / "photos.db", tmp_path / "photos.db")
    with ExitStack() as stack:

        def served(**settings: Any) -> str:
            options = {"show_paths": True} | settings
            return stack.enter_context(running(tmp_path / "photos.db", **options))

        yield served


def groups(at: Visit) -> Locator:
    """Those in the page, once all are found."""
    expect(at.page.locator("#search-again")).to_be_visible()
    return at.page.locator(".group")


def chosen(at: Visit, kept: Path) -> set[str]:
    boxes = at.page.locator(".choose:checked").all()
    values = [one.get_attribute("value") or "" for one in boxes]
    return {os.path.relpath(value, kept / "photos") for value in values}


def test_groups_say_what_tells_their_images_apart(visit: Visitor, serve: Serve) -> None:
    at = visit(serve()).to("#copies")
    expect(groups(at)).to_have_count(2)
    expect(at.page.locator("#copies-status")).to_contain_text(
        "1 image with copies, 1 image with exact files only"
    )
    near = at.page.get_by_label("Copies of harbour.png")
    best, copy = near.locator(".member").all()
    expect(best.locator(".verdict")).to_have_text("Best: more pixels")
    expect(copy).to_contain_text("Same image, ")
    expect(copy).to_contain_text("The best is better: more pixels")
    expect(copy.locator(".file")).to_have_count(2)
    expect(copy.locator(".file").first).to_contain_text("it's $HOME · Nov 14, 2023")
    exact = at.page.get_by_label("Copies of mosaic.png")
    expect(exact.locator(".verdict")).to_have_text("2 identical files")


@pytest.mark.parametrize(
    ("rule", "removed"),
    [
        ("best", {SMALL, AGAIN, TWICE[1]}),
        ("newest", {BEST, AGAIN, TWICE[1]}),
        ("oldest", {SMALL, AGAIN, TWICE[1]}),
        ("largest", {SMALL, AGAIN, TWICE[1]}),
        ("in:it's $HOME", {BEST}),
        ("in:sea", {SMALL, AGAIN, TWICE[0]}),
    ],
)
def test_a_rule_chooses_files(
    visit: Visitor, serve: Serve, kept: Path, rule: str, removed: set[str]
) -> None:
    at = visit(serve()).to("#copies")
    groups(at)
    value = f"in:{kept / 'photos' / rule[3:]}" if rule.startswith("in:") else rule
    at.page.select_option("#keep", value)
    assert chosen(at, kept) == removed
    expect(at.page.locator("#chosen-count")).to_contain_text(f"{len(removed)} file")
    at.page.click("#clear-chosen")
    assert chosen(at, kept) == set()
    expect(at.page.locator("#chosen")).to_be_hidden()


def test_one_file_of_each_group_stays(visit: Visitor, serve: Serve, kept: Path) -> None:
    at = visit(serve()).to("#copies")
    groups(at)
    exact = at.page.get_by_label("Copies of mosaic.png").locator(".choose")
    exact.first.focus()
    at.page.keyboard.press("Space")
    exact.last.click()
    expect(exact.last).not_to_be_checked()
    expect(at.page.locator("#chosen-note")).to_contain_text("One file of each group stays")
    assert len(chosen(at, kept)) == 1


def test_the_list_and_the_script_name_what_was_chosen(
    visit: Visitor, serve: Serve, kept: Path, tmp_path: Path
) -> None:
    at = visit(serve(), permissions=["clipboard-read", "clipboard-write"]).to("#copies")
    groups(at)
    at.page.select_option("#keep", "best")
    at.page.click("#copy-list")
    expect(at.page.locator("#chosen-note")).to_have_text("3 paths copied.")
    copied = at.page.evaluate("navigator.clipboard.readText()").splitlines()
    assert set(copied) == {str(kept / "photos" / path) for path in (SMALL, AGAIN, TWICE[1])}
    with at.page.expect_download() as saving:
        at.page.click("#download-script")
    script = tmp_path / "remove.sh"
    saving.value.save_as(script)
    photos = tmp_path / "photos"
    shutil.copytree(kept / "photos", photos)
    script.write_text(script.read_text().replace(str(kept / "photos"), str(photos)))
    assert len([one for one in photos.rglob("*.*") if one.is_file()]) == 6
    subprocess.run(["/bin/sh", script, "--delete"], check=True)
    left = {str(one.relative_to(photos)) for one in photos.rglob("*.*") if one.is_file()}
    assert left == {BEST, TWICE[0], "alone.png"}


@pytest.mark.parametrize(("calibrated", "said"), [(False, "any"), (True, "as calibrated")])
def test_the_threshold_that_is_taken_is_named(
    visit: Visitor, tmp_path: Path, serve: Serve, calibrated: bool, said: str
) -> None:
    with ExitStack() as stack:
        if calibrated:
            origin = serve()
        else:
            Finder.create(tmp_path / "plain.db", "classic").close()
            origin = stack.enter_context(running(tmp_path / "plain.db"))
        at = visit(origin).to("#copies")
        threshold = at.page.locator("#copies-form [name=threshold]")
        expect(threshold).to_have_attribute("placeholder", said)


def test_without_paths_there_is_nothing_to_choose(visit: Visitor, serve: Serve) -> None:
    at = visit(serve(show_paths=False)).to("#copies")
    expect(groups(at)).to_have_count(2)
    expect(at.page.locator("#no-paths")).to_contain_text("--show-paths")
    expect(at.page.locator(".choose")).to_have_count(0)
    expect(at.page.locator("#keep-rule")).to_be_hidden()
    expect(at.page.locator(".file").first).not_to_contain_text("/")


@pytest.mark.parametrize("writable", [True, False], ids=["catalogue", "browser"])
def test_what_is_no_copy_is_remembered(visit: Visitor, serve: Serve, writable: bool) -> None:
    at = visit(serve(writable=writable)).to("#copies")
    expect(groups(at)).to_have_count(2)
    near = at.page.get_by_label("Copies of harbour.png")
    near.get_by_text("Not a copy").click()
    expect(near).to_have_count(0)
    at.page.click("#copies-undo >> text=Undo")
    expect(near.locator(".member")).to_have_count(2)
    near.get_by_text("Not a copy").click()
    at.page.click("#search-again")
    expect(groups(at)).to_have_count(2)
    expect(at.page.get_by_label("Copies of harbour.png")).to_have_count(0)
    if writable:
        expect(at.page.get_by_label("Copies of harbour.jpg")).to_contain_text("2 identical files")
    at.page.reload()
    groups(at)
    expect(at.page.get_by_label("Copies of harbour.png")).to_have_count(0)


def test_removal_from_the_catalogue_leaves_the_file(
    visit: Visitor, serve: Serve, kept: Path
) -> None:
    at = visit(serve(writable=True)).to("#copies")
    groups(at)
    near = at.page.get_by_label("Copies of harbour.png")
    near.get_by_label("Remove harbour.jpg from the catalogue").click()
    at.page.click("#confirm >> text=Cancel")
    expect(near).to_be_visible()
    near.get_by_label("Remove harbour.jpg from the catalogue").click()
    at.page.click("#confirm .danger")
    expect(near).to_have_count(0)
    expect(at.page.locator("#copies-status")).to_contain_text("1 image with exact files only, ")
    at.page.click("#search-again")
    expect(groups(at)).to_have_count(1)
    assert (kept / "photos" / SMALL).exists()


def test_copies_are_compared_in_place_by_keyboard(visit: Visitor, serve: Serve) -> None:
    at = visit(serve()).to("#copies")
    groups(at)
    opener = at.page.get_by_label("Compare harbour.jpg with the best")
    opener.press("Enter")
    pair = at.page.locator(".pair")
    panes = pair.locator(".pane")
    expect(panes.locator("visible=true")).to_have_count(2)
    zoom = pair.get_by_label("Zoom")
    zoom.press("End")
    panes.first.evaluate("pane => pane.scrollTo(40, 30)")
    for pane in panes.all():
        expect(pane).to_have_js_property("scrollLeft", 40)
        expect(pane).to_have_js_property("scrollTop", 30)
    pair.get_by_text("Over each other").click()
    expect(panes.locator("visible=true")).to_have_count(1)
    expect(panes.first.locator("img")).to_have_count(2)
    share = pair.get_by_label("How much of the best is shown")
    share.press("Home")
    top = panes.first.locator("img").last
    assert top.evaluate("image => getComputedStyle(image).clipPath") == "inset(0px 0px 0px 0%)"
    share.press("Escape")
    expect(pair).to_have_count(0)
    expect(opener).to_be_focused()


def test_an_answer_that_is_known_is_not_asked_for_again(visit: Visitor, serve: Serve) -> None:
    at = visit(serve()).to("#copies")
    groups(at)
    at.page.click("nav >> text=Search")
    at.page.click("nav >> text=Copies")
    expect(groups(at)).to_have_count(2)
    assert len([one for one in at.requests if "/stream" in one.url]) == 1
    expect(at.page.locator("#copies-form option[value=geometry]")).to_be_hidden()
    at.page.fill("#copies-form [name=threshold]", "1")
    at.page.press("#copies-form [name=threshold]", "Tab")
    expect(at.page.get_by_label("Copies of harbour.png")).to_have_count(0)
    assert "threshold=1" in at.page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_view_has_no_violation(visit: Visitor, serve: Serve, scheme: str) -> None:
    at = visit(serve(writable=True), color_scheme=scheme, bypass_csp=True).to("#copies")
    groups(at)
    at.page.select_option("#keep", "best")
    at.page.get_by_label("Compare harbour.jpg with the best").click()
    assert faults(at.page) == []


def test_the_view_fits_a_phone_and_fingers(visit: Visitor, serve: Serve) -> None:
    at = visit(serve(writable=True), viewport=PHONE, has_touch=True, is_mobile=True).to("#copies")
    groups(at)
    at.page.select_option("#keep", "best")
    at.page.get_by_label("Compare harbour.jpg with the best").click()
    assert at.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert too_small(at.page) == []
