"""Maps as files."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, ImageFinderError
from imagefinder.visualization.map import make_map, save
from imagefinder.visualization.map.sprite_sheet import make_sprite_sheet

from ...conftest import drawn
from .conftest import Stocked

EVIL = "</script><b> & \"c\" 'd'"


class Parts(HTMLParser):
    """Every address that a page names, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts.append(data)


def data_of(page: Path) -> Any:
    return json.loads(Parts(page.read_text()).scripts[0])


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_an_image_shows_them_all(stocked: Stocked, tmp_path: Path, ending: str) -> None:
    found = make_map(stocked(9), by="pca", color="folder")
    saved = save(found, tmp_path / f"map.{ending}", width=400)
    assert (saved.shown, saved.unreadable) == (9, 0)
    with PIL.Image.open(saved.path) as image:
        assert image.width == 400
        assert image.format == {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}[ending]
        assert len(image.convert("RGB").getcolors(400 * 1000) or ()) > 100


def test_the_same_map_is_the_same_image(stocked: Stocked, tmp_path: Path) -> None:
    finder = stocked(9)
    files = [save(make_map(finder), tmp_path / f"{n}.png", width=300).path for n in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("ending", ["png", "html"])
def test_few_images_are_a_map(stocked: Stocked, tmp_path: Path, count: int, ending: str) -> None:
    found = make_map(stocked(count), color="folder")
    assert save(found, tmp_path / f"map.{ending}", width=200).shown == count


def test_a_narrow_image_has_room_for_some(stocked: Stocked, tmp_path: Path) -> None:
    finder = stocked(1)
    finder.add([drawn(seed, 30, 20) for seed in range(2)])
    many = make_map(finder)
    crowd = type(many)(many.records * 400, np.full((400, 2), 0.5, np.float32), "pca", "x", 400, 0)
    assert save(crowd, tmp_path / "map.png", width=200).shown == 7 * 7


def test_a_file_that_is_damaged_is_counted(stocked: Stocked, tmp_path: Path) -> None:
    found = make_map(stocked(5))
    (tmp_path / "images" / "odd" / "03.png").write_bytes(b"junk")
    for ending in ("png", "html"):
        assert save(found, tmp_path / f"map.{ending}", width=300).unreadable == 1
    assert data_of(tmp_path / "map.html")["width"].count(0) == 1


def test_the_page_needs_nothing_from_elsewhere(stocked: Stocked, tmp_path: Path) -> None:
    saved = save(make_map(stocked(7), color="folder"), tmp_path / "map.html")
    text = saved.path.read_text()
    parts = Parts(text)
    (address,) = parts.addresses
    assert address.startswith("data:image/webp;base64,")
    assert "link" not in parts.tags
    assert not re.search(r"https?://|url\(|@import", text)
    with PIL.Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))) as small:
        assert small.size == (7 * 128, 128)
    digest = base64.b64encode(hashlib.sha256(parts.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_says_what_each_image_is(stocked: Stocked, tmp_path: Path) -> None:
    finder = stocked(6)
    finder.add(tmp_path / "images" / "odd" / "03.png", metadata={"Title": "A lamp"})
    found = make_map(finder, color="folder")
    data = data_of(save(found, tmp_path / "map.html").path)
    assert sorted(data["name"])[:2] == ["A lamp (odd/03.png)", "even/00.png"]
    assert data["id"] == [record.id for record in found.records]
    assert len(set(zip(data["x"], data["y"], strict=True))) == 6
    assert [group["name"] for group in data["groups"]] == ["even", "odd"]
    for code, name in zip(data["group"], data["name"], strict=True):
        assert data["groups"][code]["name"] in ("odd" if "lamp" in name else name)
    assert set(data["width"]) == {120}
    assert set(data["height"]) == {90}


def test_no_name_is_taken_for_html(tmp_path: Path) -> None:
    folder = tmp_path / EVIL.replace("/", "")
    folder.mkdir()
    with Finder.create(tmp_path / "c.db", "classic") as finder:
        for seed in range(2):
            PIL.Image.fromarray(drawn(seed)).save(folder / f"{seed}.png")
            finder.add(folder / f"{seed}.png", metadata={"title": EVIL})
        page = save(make_map(finder, color="title"), tmp_path / "map.html").path
    assert "<b>" not in page.read_text()
    assert data_of(page)["groups"][0]["name"] == EVIL


def test_a_wrong_name_is_refused(stocked: Stocked, tmp_path: Path) -> None:
    found = make_map(stocked(1))
    with pytest.raises(ImageFinderError, match=r"ends in \.html"):
        save(found, tmp_path / "map.pdf")
    with pytest.raises(ImageFinderError, match="there is no folder"):
        save(found, tmp_path / "no" / "map.png")


def test_many_thumbnails_are_smaller(stocked: Stocked) -> None:
    record = make_map(stocked(1)).records[0]
    small = make_sprite_sheet([record] * 1025)
    assert (small.side, small.columns) == (96, 42)
    assert set(small.sizes) == {(96, 72)}
