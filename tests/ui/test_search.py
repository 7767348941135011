"""The search view: every kind of query, the options, and how hits are shown."""

import base64
import hashlib
import json
import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import PIL.Image
import pytest
from playwright.sync_api import expect

from imagefinder import Finder
from imagefinder.downloads.http import FetchLimits, fetch_all
from imagefinder.types import id_of, key_of

from ..mean_color import NAMED, Colours
from .conftest import Visitor, running

GIVEN = """([kind, data, name]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], name, { type: "image/jpeg" }));
    const event = kind === "paste"
        ? new ClipboardEvent(kind, { clipboardData: given, bubbles: true })
        : new DragEvent(kind, { dataTransfer: given, bubbles: true });
    document.getElementById("drop").dispatchEvent(event);
}"""


@pytest.fixture
def harbour(gallery: Path) -> Path:
    return gallery / "harbour" / "crop.jpg"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_an_image_is_dropped_or_pasted(
    visit: Visitor, origin: str, harbour: Path, kind: str
) -> None:
    at = visit(origin).to()
    data = base64.b64encode(harbour.read_bytes()).decode()
    at.page.evaluate(GIVEN, [kind, data, "mine.jpg"])
    at.found()
    assert at.names()[0] == "harbour crop"
    expect(at.page.locator("#found")).to_have_text("Similar to mine.jpg")
    assert at.page.title() == "mine.jpg | ImageFinder"


def test_an_image_is_chosen(visit: Visitor, origin: str, harbour: Path) -> None:
    at = visit(origin).to()
    at.ask(harbour)
    assert len(at.names()) == 24
    first = at.cards.first
    expect(first.locator(".name")).to_have_text("harbour crop")
    expect(first.locator(".score")).to_contain_text("1.000")
    expect(first.locator(".badge")).to_have_text("same image")
    expect(at.page.locator("#summary")).to_contain_text("of the same image or thing")
    expect(at.page.locator("#query img")).to_have_attribute("alt", "The query: crop.jpg")


def test_several_images_are_searched_with_together(
    visit: Visitor, origin: str, gallery: Path
) -> None:
    at = visit(origin).to()
    at.ask(gallery / "harbour" / "crop.jpg", gallery / "mosaic" / "crop.jpg")
    expect(at.page.locator("#query .tile")).to_have_count(2)
    scenes = {name.split()[0] for name in at.names()}
    assert {"harbour", "mosaic"} <= scenes


def test_a_photograph_is_taken_by_the_camera(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    at.page.click("#photograph")
    at.page.click("#shutter:enabled")
    at.found()
    expect(at.page.locator("#found")).to_contain_text("photograph.jpg")
    at.page.click("#photograph")
    at.page.click("#camera >> text=Cancel")
    expect(at.page.locator("#camera")).to_be_hidden()
    expect(at.page.locator("#video")).to_have_js_property("srcObject", None)


ASKED = """
const start = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.cameras = [];
navigator.mediaDevices.getUserMedia = (wanted) => new Promise((allow, refuse) => {
    window.allow = async () => {
        window.cameras.push(await start(wanted));
        allow(window.cameras.at(-1));
    };
    window.refuse = () => refuse(new DOMException("no", "NotAllowedError"));
});
"""
LIVE = "window.cameras.map((one) => one.getTracks().some((track) => track.readyState === 'live'))"


@pytest.mark.parametrize("answer", ["allow", "refuse"])
def test_the_buttons_stay_in_place_when_the_camera_answers(
    visit: Visitor, origin: str, answer: str
) -> None:
    at = visit(origin)
    at.page.add_init_script(ASKED)
    at.to().page.click("#photograph")
    cancel = at.page.locator("#camera >> text=Cancel")
    before = cancel.bounding_box()
    at.page.evaluate(f"window.{answer}()")
    said = "#shutter:enabled" if answer == "allow" else "#camera-error:visible"
    expect(at.page.locator(said)).to_have_count(1)
    assert cancel.bounding_box() == before


def test_a_camera_allowed_too_late_is_stopped(visit: Visitor, origin: str) -> None:
    at = visit(origin)
    at.page.add_init_script(ASKED)
    at.to().page.click("#photograph")
    at.page.click("#camera >> text=Cancel")
    expect(at.page.locator("#camera")).to_be_hidden()
    at.page.evaluate("() => { window.late = window.allow }")
    at.page.click("#photograph")
    at.page.evaluate("window.allow()")
    expect(at.page.locator("#shutter")).to_be_enabled()
    at.page.evaluate("window.late()")
    assert at.page.evaluate(LIVE) == [True, False]


def test_a_phone_takes_it_by_its_own_camera(visit: Visitor, origin: str, harbour: Path) -> None:
    at = visit(origin, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}).to()
    with at.page.expect_file_chooser() as chooser:
        at.page.tap("#photograph")
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(harbour)
    at.found()
    assert at.names()[0] == "harbour crop"


def test_an_image_is_downloaded_from_its_url(visit: Visitor, catalogue: Path) -> None:
    limits = FetchLimits(allow_private=True)
    with running(catalogue, fetch=partial(fetch_all, limits=limits)) as origin:
        at = visit(origin).to()
        stored = at.cards.nth(2).get_attribute("data-id")
        at.page.fill("#link input", f"{origin}/v1/images/{stored}/file")
        at.page.click("#link button")
        at.found()
        assert at.cards.first.get_attribute("data-id") == stored
        at.page.fill("#link input", f"{origin}/healthz")
        at.page.click("#link button")
        expect(at.page.locator("#search-error")).to_contain_text("not an image")


def test_the_url_field_is_shown_only_if_the_server_downloads(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    expect(at.page.locator("#link")).to_be_hidden()
    expect(at.page.locator("#words")).to_be_hidden()


def test_a_text_is_searched_with(visit: Visitor, tmp_path: Path) -> None:
    images = []
    for name, colour in NAMED.items():
        pixels = np.full((40, 40, 3), colour, np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        images.append(tmp_path / f"{name}.png")
    finder = Finder.create(tmp_path / "colours.db", Colours())
    finder.add(images)
    with running(finder) as origin:
        at = visit(origin).to()
        at.page.fill("#words input", "blue")
        at.page.press("#words input", "Enter")
        at.found()
        expect(at.page.locator("#found")).to_have_text("Similar to “blue”")
        assert at.names()[0] == "blue.png"


def test_a_part_is_drawn_with_the_mouse(visit: Visitor, origin: str, gallery: Path) -> None:
    at = visit(origin).to()
    at.ask(gallery / "harbour" / "size.jpg")
    at.page.click("#query >> text=Choose a part")
    expect(at.page.locator("#part .box")).to_be_focused()
    box = at.page.locator(".frame").bounding_box()
    assert box is not None
    at.page.mouse.move(box["x"] + 10, box["y"] + 10)
    at.page.mouse.down()
    at.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    at.page.mouse.up()
    at.page.click("#part >> text=Search with this part")
    at.page.wait_for_url(re.compile("crop="))
    at.found()
    with PIL.Image.open(gallery / "harbour" / "size.jpg") as file:
        across, down = file.size
    crop = re.search(r"crop=([\d%C]+)", at.page.url)
    assert crop is not None
    left, top, width, height = map(int, crop[1].split("%2C"))
    assert left == pytest.approx(across * 10 / box["width"], abs=2)
    assert top == pytest.approx(down * 10 / box["height"], abs=2)
    assert left + width == pytest.approx(0.5 * across, abs=2)
    assert top + height == pytest.approx(0.6 * down, abs=2)
    expect(at.page.locator("#query .box")).to_be_visible()
    assert float(at.cards.first.locator(".score span").first.inner_text()) < 0.999
    at.page.click("text=Whole image")
    at.found()
    expect(at.page.locator("#query .box")).to_have_count(0)
    expect(at.cards.first.locator(".score")).to_contain_text("1.000")


def test_a_part_is_moved_with_the_keyboard(visit: Visitor, origin: str, gallery: Path) -> None:
    at = visit(origin).to()
    at.ask(gallery / "harbour" / "size.jpg")
    with PIL.Image.open(gallery / "harbour" / "size.jpg") as file:
        across, down = file.size
    at.page.click("#query >> text=Choose a part")
    expect(at.page.locator("#part .box")).to_be_focused()
    for key in ("ArrowRight", "Shift+ArrowDown", "Enter"):
        at.page.keyboard.press(key)
    at.page.wait_for_url(re.compile("crop="))
    at.found()
    given = [round(0.27 * across), round(0.25 * down), across / 2, 0.52 * down]
    crop = at.page.evaluate("new URLSearchParams(location.hash.split('?')[1]).get('crop')")
    assert [int(one) for one in crop.split(",")] == pytest.approx(given, abs=1)


def test_actions_are_shown_by_a_long_press(visit: Visitor, origin: str, harbour: Path) -> None:
    at = visit(origin, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}).to()
    at.page.clock.install()
    at.ask(harbour)
    first = at.cards.first
    expect(first.get_by_text("Compare")).to_be_hidden()
    first.locator(".preview").dispatch_event("pointerdown", {"pointerType": "touch"})
    at.page.clock.run_for(1000)
    expect(first.get_by_text("Compare")).to_be_visible()
    at.page.tap("#found")
    expect(first.get_by_text("Compare")).to_be_hidden()


def test_rows_are_of_equal_height_and_true_proportion(
    visit: Visitor, origin: str, harbour: Path
) -> None:
    at = visit(origin, viewport={"width": 1440, "height": 900}).to()
    at.ask(harbour)
    rows: dict[float, list[Any]] = {}
    for card in at.cards.all():
        box = card.bounding_box()
        assert box is not None
        rows.setdefault(round(box["y"]), []).append(box)
        shape = card.locator("img").evaluate("one => one.naturalWidth / one.naturalHeight")
        assert box["width"] / box["height"] == pytest.approx(shape, rel=0.02)
    *full, _ = rows.values()
    assert len(full) >= 2
    for row in full:
        assert len({round(box["height"]) for box in row}) == 1
        assert max(box["x"] + box["width"] for box in row) == pytest.approx(
            min(box["x"] for box in row)
            + at.page.locator("#hits").evaluate("one => one.clientWidth"),
            abs=1,
        )


def test_a_result_leads_to_the_next_search_and_back(
    visit: Visitor, origin: str, harbour: Path
) -> None:
    at = visit(origin).to()
    at.ask(harbour)
    before = at.names()
    at.act(f"Search with {before[1]}")
    expect(at.page.locator("#found")).to_have_text(f"Similar to {before[1]}")
    at.settled()
    after = at.names()
    assert before[1] not in after  # shown in the query panel, not among the hits
    assert len(after) == 24
    at.page.go_back()
    expect(at.page.locator("#found")).to_have_text("Similar to crop.jpg")
    assert at.names() == before
    at.page.go_forward()
    expect(at.page.locator("#found")).to_have_text(f"Similar to {before[1]}")
    at.page.reload()
    at.found()
    assert at.names() == after
    at.page.go_back()
    expect(at.page.locator("#search-error")).to_contain_text("choose it again")


def test_query_and_hit_are_compared_side_by_side(
    visit: Visitor, origin: str, harbour: Path
) -> None:
    at = visit(origin).to()
    at.ask(harbour)
    at.act("Compare with harbour size")
    dialog = at.page.locator("#compare")
    expect(dialog.locator("p[role=status]")).to_contain_text(re.compile("Same (image|thing)"))
    expect(dialog.locator("svg image")).to_have_count(2)
    assert dialog.locator("svg line").count() >= 20
    at.page.click("#lines")
    expect(dialog.locator("g.lines")).to_be_hidden()
    at.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_two_stored_images_that_differ_are_compared(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    at.act(f"Search with {at.names()[0]}")
    at.found()
    at.page.click("#show-options")
    at.page.fill("#k", "100")
    at.page.press("#k", "Tab")
    at.page.keyboard.press("Escape")
    at.settled()
    at.page.keyboard.press("End")
    last = at.page.locator(".card[aria-posinset='100']")
    last.hover()
    last.locator("text=Compare").click()
    expect(at.page.locator("#compare p[role=status]")).to_contain_text("Similar: ")


def test_k_and_threshold(visit: Visitor, origin: str, harbour: Path) -> None:
    at = visit(origin).to()
    at.ask(harbour)
    at.page.click("#show-options")
    at.page.fill("#k", "3")
    at.page.press("#k", "Tab")
    expect(at.cards).to_have_count(3)
    assert "k=3" in at.page.url
    at.page.locator("#threshold").fill("0.99")
    expect(at.cards).to_have_count(1)
    expect(at.page.locator("#threshold-value")).to_have_text("0.99")
    at.page.locator("#threshold").fill("0")
    expect(at.cards).to_have_count(3)
    at.page.go_back()  # changing options adds no history entry
    expect(at.page.locator("#found")).to_have_text("Or start with one of these")


def test_no_match_is_reported(visit: Visitor, origin: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (200, 200, 3), np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "noise.png")
    at = visit(origin).to()
    at.ask(tmp_path / "noise.png")
    expect(at.page.locator("#summary")).to_contain_text("None is the same image or thing")
    expect(at.cards.first.locator(".badge")).to_have_count(0)
    at.page.click("#show-options")
    at.page.check("#matches")
    expect(at.page.locator("#found")).to_have_text("Nothing found")
    expect(at.cards).to_have_count(0)


def test_a_filter_of_the_address_can_be_removed(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    query = at.cards.first.get_attribute("data-id")
    at.to(f"#search?id={query}&where={quote(json.dumps({'scene': 'mosaic'}))}")
    expect(at.page.locator("#filter .chip")).to_have_text("scene = mosaic ✕")
    assert {name.rsplit(" ", 1)[0] for name in at.names()} == {"mosaic"}
    at.page.click("#filter .chip")
    expect(at.page.locator("#filter .chip")).to_have_count(0)
    expect(at.cards).to_have_count(24)


def test_hits_are_re_ranked(visit: Visitor, origin: str, harbour: Path) -> None:
    at = visit(origin).to()
    at.ask(harbour)
    at.page.click("#show-options")
    at.page.select_option("#rerank", "geometric")
    expect(at.cards.first.locator(".badge")).to_have_text(re.compile("same (image|thing)"))
    score = at.cards.first.locator(".score span").first
    expect(score).to_have_attribute("title", re.compile("correspondences"))


def test_an_encoder_is_chosen(visit: Visitor, catalogue: Path, gallery: Path) -> None:
    other = catalogue.parent / "hashes.db"
    with Finder.create(other, "phash") as finder:
        finder.add(gallery)
    with running(catalogue, other) as origin:
        at = visit(origin).to()
        at.ask(gallery / "harbour" / "size.jpg")
        by_compact = at.names()
        at.page.select_option("#encoder", "phash")
        at.page.wait_for_url(re.compile("encoder=phash"))
        at.found()
        names = at.names()
        assert names != by_compact
        assert names[0] == "size.jpg"  # this catalogue has no titles
        expect(at.page.locator("#matches-option")).to_be_hidden()
        at.page.click("nav >> text=Catalogue")
        at.page.wait_for_url(re.compile("catalogue.*encoder=phash"))
        at.settled()
        assert "jpg" in at.names()[0]


def test_an_unusable_query_is_explained(
    visit: Visitor, origin: str, tmp_path: Path, harbour: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(harbour.read_bytes()[:200])
    at = visit(origin).to()
    at.page.set_input_files("#choose", tmp_path / "broken.jpg")
    expect(at.page.locator("#search-error")).to_contain_text("damaged")
    expect(at.cards).to_have_count(0)
    for number, used in (("1000000", "1000"), ("abc", "24"), ("-3", "1")):
        at.to(f"#search?k={number}")
        expect(at.page.locator("#k")).to_have_value(used)
    stored = id_of(key_of(hashlib.sha256(harbour.read_bytes()).digest()))
    at.to(f"#search?id={stored}&where=nonsense")
    expect(at.page.locator("#search-error")).to_contain_text("JSON")
    at.to("#search?id=0123456789abcdef")
    expect(at.page.locator("#search-error")).to_contain_text("no image with this id")
    at.ask(harbour)  # and it goes on
    expect(at.page.locator("#search-error")).to_be_hidden()


def test_an_unreachable_server_is_reported(visit: Visitor, origin: str) -> None:
    at = visit(origin).to()
    at.page.route("**/v1/search", lambda route: route.abort())
    at.act(f"Search with {at.names()[0]}")
    expect(at.page.locator("#search-error")).to_contain_text("does not respond")
    assert [fault for fault in at.faults if "ERR_FAILED" not in fault] == []
    at.faults.clear()


def test_an_empty_catalogue_says_what_to_do(visit: Visitor, tmp_path: Path) -> None:
    Finder.create(tmp_path / "empty.db").close()
    with running(tmp_path / "empty.db") as origin:
        at = visit(origin).to()
        expect(at.page.locator("#found")).to_have_text("The catalogue is empty")
        expect(at.page.locator("#summary")).to_contain_text("imagefinder add")
        at.to("#catalogue")
        expect(at.page.locator("#images")).to_contain_text("imagefinder add")
