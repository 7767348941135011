"""Contact sheets: the query and its hits side by side."""

from pathlib import Path

import numpy as np
import pytest

from imagefinder import Finder
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Hit, Record, key_of
from imagefinder.visualization.contact_sheet import contact_sheet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("harbour", "mosaic"):
        draw_scene(name).save(tmp_path / f"{name}.png")
    return tmp_path


def hit(path: Path, **more: object) -> Hit:
    with Finder.create(path.parent / f"{path.stem}.db", "dhash") as finder:
        finder.add(path)
        (record,) = finder.page()
    return Hit(1, 0.9, 0.1, record, verdict="same image", is_match=True, **more)  # type: ignore[arg-type]


def test_the_query_and_each_hit_are_shown(folder: Path) -> None:
    found = hit(folder / "harbour.png")
    alone = contact_sheet(None, [found])
    both = contact_sheet(folder / "mosaic.png", [found])
    assert both.height == alone.height
    assert both.width > 1.8 * alone.width
    assert np.asarray(both).std() > 10


def test_regions_and_the_crop_are_framed(folder: Path) -> None:
    plain = contact_sheet(None, [hit(folder / "harbour.png")])
    framed = contact_sheet(None, [hit(folder / "mosaic.png", region=(10, 10, 200, 150))])
    cropped = contact_sheet(folder / "mosaic.png", [], crop=(10, 10, 200, 150))
    orange = np.array([0xD9, 0x5F, 0x02])
    sheets = plain, framed, cropped
    counts = [(np.asarray(sheet) == orange).all(axis=2).sum() for sheet in sheets]
    assert counts[0] == 0
    assert counts[1] == counts[2] > 200


def test_a_hit_without_a_file_is_a_gray_square(tmp_path: Path) -> None:
    record = Record(key_of(bytes(32)), bytes(32), 9, 40, 30)
    sheet = np.asarray(contact_sheet(None, [Hit(1, 0.5, 0.5, record)]))
    assert (sheet == 0xDD).all(axis=2).sum() > 50_000
