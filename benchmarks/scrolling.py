"""Scrolling benchmark: frame times of the page's catalogue with many images, and of its listings.

    python -m benchmarks.scrolling [--images 100000] [--photographs FOLDER]

The catalogue has many files of some photographs, each with other bytes at its end, so that every
thumbnail is made from a file. Chromium scrolls it by 20 pixels a frame, from its start and from
the middle, and drags it to distant places. A frame in time is one of at most 1.5 periods of a
display with 60 Hz. The server has the same processor.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from itertools import cycle, islice, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import numpy as np
from playwright.sync_api import Page

from benchmarks.browser import launched
from benchmarks.ingest import processor
from benchmarks.retrieval import assets
from benchmarks.serving import served
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.images.walk import find_images

_PERIOD = 1000 / 60  # milliseconds
_PER_FOLDER = 1000
_SCROLLED = """([frames, by]) => new Promise((done) => {
    const times = [];
    const step = (now) => {
        times.push(now);
        if (times.length > frames) return done(times);
        window.scrollBy(0, by);
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""
_DRAGGED = """([frames]) => new Promise((done) => {
    const times = [];
    const step = (now) => {
        times.push(now);
        if (times.length > frames) return done(times);
        window.scrollTo(0, (times.length / frames) * document.documentElement.scrollHeight);
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""
_LOADED = """() => [...document.querySelectorAll("#images .card img")]
    .filter((one) => one.getBoundingClientRect().top < innerHeight)
    .every((one) => one.complete && one.naturalWidth)"""


def main() -> None:
    """Run the benchmark."""
    given = _arguments()
    with TemporaryDirectory(dir=given.folder) as folder:
        catalogue = Path(folder, "c.db")
        _fill(catalogue, Path(folder, "images"), list(find_images(given.photographs)), given.images)
        with (
            served(catalogue, catalogue.with_suffix(".log")) as (port, _),
            launched(given.chromium) as browser,
        ):
            print(f"{processor()}, {cores()} cores; {given.images:,} images")
            origin = f"http://127.0.0.1:{port}"
            _time_listings(origin, given.images)
            # the page's policy forbids to wait for a function
            page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
            began = perf_counter()
            page.goto(f"{origin}/#catalogue")
            page.wait_for_selector("#images .card img")
            page.wait_for_function(_LOADED)
            print(f"opened, with all images in sight: {perf_counter() - began:.2f} s")
            _time_frames(page)


def _time_frames(page: Page) -> None:
    _report("scrolled from the start", page.evaluate(_SCROLLED, [600, 20]))
    page.goto(f"{page.url.split('#')[0]}#catalogue?at=50000")
    page.wait_for_timeout(1000)
    _report("scrolled from the middle", page.evaluate(_SCROLLED, [600, 20]))
    _report("the same, five times as fast", page.evaluate(_SCROLLED, [600, 100]))
    _report("dragged from end to end", page.evaluate(_DRAGGED, [300]))


def _report(name: str, moments: Sequence[float]) -> None:
    times = np.diff(moments)
    typical, late, worst = np.percentile(times, [50, 99, 100])
    in_time = np.mean(times < 1.5 * _PERIOD)
    rate = 1000 * len(times) / times.sum()
    print(
        f"{name}: {rate:.1f} frames a second, {in_time:.1%} in time; "
        f"median {typical:.1f} ms, 99th percentile {late:.1f} ms, longest {worst:.1f} ms"
    )


def _time_listings(origin: str, count: int) -> None:
    with httpx.Client(base_url=origin, timeout=60) as client:
        for sort, offset in product(("added", "name"), (0, count // 2, count - 200)):
            first, *others = (_milliseconds(client, sort, offset) for _ in range(6))
            print(f"200 by {sort} from {offset:,}: {first:.0f} ms, again {median(others):.0f} ms")


def _milliseconds(client: httpx.Client, sort: str, offset: int) -> float:
    began = perf_counter()
    page = httpx.QueryParams(sort=sort, offset=offset, limit=200)
    client.get("/v1/images", params=page).raise_for_status()
    return 1000 * (perf_counter() - began)


def _fill(catalogue: Path, folder: Path, photographs: Sequence[Path], count: int) -> None:
    contents = [path.read_bytes() for path in photographs]
    for number, content in enumerate(islice(cycle(contents), count)):
        path = folder / str(number // _PER_FOLDER) / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + number.to_bytes(4, "big"))  # other bytes, the same photograph
    with Finder.create(catalogue, "dhash") as finder:
        finder.add([folder])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    clothing = assets() / "data" / "clothing" / "test"
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--photographs", type=Path, default=clothing)
    parser.add_argument("--folder", type=Path, help="where the files are made")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
