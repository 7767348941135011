"""Web interface benchmark: load time, time to the first results, page weight.

    python -m benchmarks.page [--images FOLDER] [--rounds 5] [--screenshots FOLDER]

Chromium (`--chromium` is its path) opens the page of a new server and searches with part of a
photograph. Reported are the median times until the page is usable and, from choosing the file,
until the results are displayed, and the total size of the page's files. `--screenshots` saves
images of the page.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

import PIL.Image
from playwright.sync_api import Browser, Page, Response, sync_playwright

from benchmarks.ingest import processor
from benchmarks.retrieval import assets
from benchmarks.serving import served
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.images.walk import find_images
from imagefinder.verification.calibrate import calibrate

_QUERY = 40
_QUALITY = 80


def main() -> None:
    """Run the benchmark."""
    given = _arguments()
    images = list(find_images(given.images))
    with TemporaryDirectory() as folder:
        catalogue, query = Path(folder, "c.db"), Path(folder, "part.jpg")
        with Finder.create(catalogue, local="sift") as finder:
            finder.add(images)
            calibrate(finder)
        _part(images[_QUERY]).save(query)
        with (
            served(catalogue, catalogue.with_suffix(".log")) as (port, _),
            _browser(given.chromium) as browser,
        ):
            origin = f"http://127.0.0.1:{port}"
            rounds = [_visit(browser, origin, query) for _ in range(given.rounds)]
            print(f"{processor()}, {cores()} cores; {len(images):,} images")
            for name, values in zip(("opened", "answered"), zip(*rounds, strict=True), strict=True):
                shown = ", ".join(f"{1000 * value:.0f}" for value in values)
                print(f"{name}: {1000 * median(values):.0f} ms (each: {shown})")
            print(f"the page's own files: {_weight(browser, origin):,} bytes")
            if given.screenshots:
                _keep(browser, origin, query, given.screenshots)


def _visit(browser: Browser, origin: str, query: Path) -> tuple[float, float]:
    """Seconds until the page is usable, and then until the hits are displayed."""
    page = browser.new_page()
    began = perf_counter()
    page.goto(origin)
    page.wait_for_selector(".card")
    opened = perf_counter()
    page.set_input_files("#choose", query)
    page.wait_for_function(_SHOWN)
    answered = perf_counter()
    page.close()
    return opened - began, answered - opened


_SHOWN = """() => {
    const seen = [...document.querySelectorAll("#hits .card:has(.score) img")].slice(0, 8);
    return seen.length && seen.every((one) => one.complete && one.naturalWidth);
}"""


def _weight(browser: Browser, origin: str) -> int:
    page = browser.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(origin)
    page.wait_for_selector(".card")
    total = sum(len(answer.body()) for answer in answers if "/v1/" not in answer.url)
    page.close()
    return total


def _keep(browser: Browser, origin: str, query: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page = _searched(browser, origin, query, "light", 1440)
    _save(page, folder / "page.webp")
    page.locator("#hits .preview").nth(1).press("Enter")
    page.wait_for_selector("#neighbors img")
    _save(page, folder / "page-lightbox.webp")
    page.get_by_text("Compare with the query").click()
    page.wait_for_selector("#pair .lines")
    _save(page, folder / "page-compare.webp")
    page.close()
    page = _searched(browser, origin, query, "dark", 390)
    _save(page, folder / "page-phone.webp")
    page.goto(f"{origin}/#catalogue")
    page.wait_for_selector("#images .card img")
    _save(page, folder / "page-catalogue.webp")
    page.close()


def _searched(
    browser: Browser, origin: str, query: Path, scheme: Literal["light", "dark"], width: int
) -> Page:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 820})
    page.goto(origin)
    page.wait_for_selector(".card")
    page.set_input_files("#choose", query)
    page.wait_for_function(_SHOWN)
    return page


def _save(page: Page, file: Path) -> None:
    page.wait_for_load_state("networkidle")  # fonts and images are there
    with PIL.Image.open(BytesIO(page.screenshot())) as image:
        image.save(file, quality=_QUALITY)


def _part(path: Path) -> PIL.Image.Image:
    """A crop of it, slightly rotated, as a photograph would be."""
    with PIL.Image.open(path) as file:
        image = file.convert("RGB").rotate(8, PIL.Image.Resampling.BICUBIC)
    width, height = image.size
    inner = (width // 8, height // 8, width - width // 8, height - height // 8)
    return image.crop(inner)


@contextmanager
def _browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    clothing = assets() / "data" / "clothing" / "test"
    parser.add_argument("--images", "--pictures", type=Path, default=clothing)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
