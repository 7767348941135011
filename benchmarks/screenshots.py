"""Screenshots of the page's views, for the documentation.

    python -m benchmarks.screenshots FOLDER [--chromium PATH]

A server shows made scenes and copies of them; each view is saved as WebP for a desktop and for a
telephone, in light and in dark colors.
"""

from __future__ import annotations

import argparse
import shutil
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import PIL.Image
from playwright.sync_api import Browser, Page

from benchmarks.browser import launched
from benchmarks.serving import served
from imagefinder import Finder
from imagefinder.testing.gallery import SCENES, draw_scene, view_of

_QUALITY = 70
_COPIED = 4
"""How many of them have a gray copy too."""


class _Look(NamedTuple):
    suffix: str
    width: int
    height: int
    is_dark: bool


_LOOKS = (
    _Look("", 1440, 900, False),
    _Look("-dark", 1440, 900, True),
    _Look("-phone", 390, 844, True),
    _Look("-phone-light", 390, 844, False),
)
_QUERIED = "harbour"
_HITS_ARE_SHOWN = """() => {
    const seen = [...document.querySelectorAll("#hits .card:has(.score) img")].slice(0, 8);
    return seen.length && seen.every((one) => one.complete && one.naturalWidth);
}"""


def main() -> None:
    """Save them."""
    given = _arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        photos, catalogue = Path(folder, "photos"), Path(folder, "photos.db")
        _draw(photos)
        query = Path(folder, "photo.jpg")
        view_of(draw_scene(_QUERIED), "angle", 1).save(query, quality=90)
        with Finder.create(catalogue, local="sift") as finder:
            finder.add(photos)
        log = catalogue.with_suffix(".log")
        with (
            served(catalogue, log, options=["--show-paths"]) as (port, _),
            launched(given.chromium) as browser,
        ):
            for look in _LOOKS:
                page = _opened(browser, look)
                for name, show in _VIEWS.items():
                    show(page, f"http://127.0.0.1:{port}", query)
                    _save(page, given.folder / f"{name}{look.suffix}.webp")
                page.close()


def _draw(photos: Path) -> None:
    for name in ("Camera", "Phone", "Prints"):
        (photos / name).mkdir(parents=True)
    for number, name in enumerate(SCENES):
        scene = draw_scene(name)
        small = photos / "Phone" / f"{name}.jpg"
        scene.save(photos / "Camera" / f"{name}.png")
        scene.resize((scene.width // 2, scene.height // 2)).save(small, quality=60)
        if number < _COPIED:
            shutil.copy(small, small.with_stem(f"{name} (1)"))
            scene.convert("L").convert("RGB").save(photos / "Prints" / f"{name}.jpg", quality=90)


def _opened(browser: Browser, look: _Look) -> Page:
    return browser.new_page(
        bypass_csp=True,  # it forbids to wait for a function
        color_scheme="dark" if look.is_dark else "light",
        viewport={"width": look.width, "height": look.height},
    )


def _show_search(page: Page, origin: str, query: Path) -> None:
    page.goto(origin)
    page.wait_for_selector(".card")
    page.set_input_files("#choose", query)
    page.wait_for_function(_HITS_ARE_SHOWN, timeout=300_000)


def _show_lightbox(page: Page, origin: str, query: Path) -> None:
    page.locator("#hits .preview").nth(1).press("Enter")
    page.wait_for_selector("#neighbors img", timeout=300_000)


def _show_comparison(page: Page, origin: str, query: Path) -> None:
    page.get_by_text("Compare with the query").click()
    page.wait_for_selector("#pair .lines", timeout=300_000)


def _show_catalogue(page: Page, origin: str, query: Path) -> None:
    page.goto("about:blank")  # so that what was open is closed
    page.goto(f"{origin}/#catalogue")
    page.wait_for_selector("#images .card img", timeout=300_000)


def _show_copies(page: Page, origin: str, query: Path) -> None:
    page.goto(f"{origin}/#copies")
    page.wait_for_selector("#search-again:visible", timeout=300_000)
    page.select_option("#keep", "best")
    page.eval_on_selector(
        ".group:has(.member:nth-child(3))", "group => scrollTo(0, group.offsetTop - 60)"
    )


def _show_map(page: Page, origin: str, query: Path) -> None:
    page.goto(f"{origin}/#map")
    page.wait_for_selector("#map-canvas:visible", timeout=300_000)
    page.wait_for_selector("#map-canvas:not([aria-busy])", timeout=300_000)
    page.focus("#map-canvas")
    page.keyboard.press("ArrowLeft")


_VIEWS = {
    "page": _show_search,
    "page-lightbox": _show_lightbox,
    "page-compare": _show_comparison,
    "page-catalogue": _show_catalogue,
    "page-copies": _show_copies,
    "page-map": _show_map,
}
"""In this order: each begins where the one before has ended."""


def _save(page: Page, file: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_function("[...document.images].every((one) => one.complete)")
    with PIL.Image.open(BytesIO(page.screenshot())) as image:
        image.save(file, quality=_QUALITY, method=6)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    return parser.parse_args()


if __name__ == "__main__":
    main()
