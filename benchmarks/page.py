"""Web interface benchmark: load time, time to the first results, page weight.

    python -m benchmarks.page [--images FOLDER] [--rounds 5]

Chromium (`--chromium` is its path) opens the page of a new server and searches with part of a
photograph. Reported are the median times until the page is usable and, from choosing the file,
until the results are displayed, and the total size of the page's files.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import PIL.Image
from playwright.sync_api import Browser, Response

from benchmarks.browser import launched
from benchmarks.ingest import processor
from benchmarks.retrieval import assets
from benchmarks.serving import served
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.images.walk import find_images
from imagefinder.verification.calibrate import calibrate

_QUERY = 40


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
            launched(given.chromium) as browser,
        ):
            origin = f"http://127.0.0.1:{port}"
            rounds = [_visit(browser, origin, query) for _ in range(given.rounds)]
            print(f"{processor()}, {cores()} cores; {len(images):,} images")
            for name, values in zip(("opened", "answered"), zip(*rounds, strict=True), strict=True):
                shown = ", ".join(f"{1000 * value:.0f}" for value in values)
                print(f"{name}: {1000 * median(values):.0f} ms (each: {shown})")
            print(f"the page's own files: {_weight(browser, origin):,} bytes")


def _visit(browser: Browser, origin: str, query: Path) -> tuple[float, float]:
    """Seconds until the page is usable, and then until the hits are displayed."""
    page = browser.new_page(bypass_csp=True)  # which forbids to wait for a function
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
    page = browser.new_page(bypass_csp=True)  # which forbids to wait for a function
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(origin)
    page.wait_for_selector(".card")
    total = sum(len(answer.body()) for answer in answers if "/v1/" not in answer.url)
    page.close()
    return total


def _part(path: Path) -> PIL.Image.Image:
    """A crop of it, slightly rotated, as a photograph would be."""
    with PIL.Image.open(path) as file:
        image = file.convert("RGB").rotate(8, PIL.Image.Resampling.BICUBIC)
    width, height = image.size
    inner = (width // 8, height // 8, width - width // 8, height - height // 8)
    return image.crop(inner)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    clothing = assets() / "data" / "clothing" / "test"
    parser.add_argument("--images", "--pictures", type=Path, default=clothing)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
