"""Scrolling benchmark: frame times of the page's catalogue with many images, and of its listings.

    python -m benchmarks.scrolling [--images 100000] [--photographs FOLDER] [--folder FOLDER]

The catalogue has many files of some photographs, each with other bytes at its end, so that every
thumbnail is made from a file. Chromium scrolls it by 20 pixels a frame, from its start and from
the middle, and drags it to distant places. A frame in time is one of at most 1.5 periods of a
display with 60 Hz. Beside the frames stands what the page's own thread has worked for each. The
control is a page without a script that has the same images, loaded, at the same size: what the
browser reaches here at best. Server and browser share the processor. ``--folder`` keeps the
catalogue for the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import numpy as np
from playwright.sync_api import CDPSession, Page

from benchmarks.browser import launched
from benchmarks.ingest import processor
from benchmarks.retrieval import assets
from benchmarks.serving import served
from imagefinder import Finder
from imagefinder._utils.concurrency import batched, cores
from imagefinder.images.inputs import absolute
from imagefinder.images.walk import find_images
from imagefinder.types import Entry, Features, File, Record, key_of

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
    with TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        catalogue = folder / "c.db"
        if not catalogue.exists():
            _fill(
                catalogue,
                folder / "images",
                [*map(absolute, find_images(given.photographs))],
                given.images,
            )
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
            _time_frames(page, given.images)
            _show_plainly(page, origin)
            _report("control: a plain page", page, _SCROLLED, [600, 20])


def _time_frames(page: Page, count: int) -> None:
    _report("scrolled from the start", page, _SCROLLED, [600, 20])
    page.goto(f"{page.url.split('#')[0]}#catalogue?at={count // 2}")
    page.wait_for_timeout(1000)
    _report("scrolled from the middle", page, _SCROLLED, [600, 20])
    _report("the same, five times as fast", page, _SCROLLED, [600, 100])
    _report("dragged from end to end", page, _DRAGGED, [300])


def _show_plainly(page: Page, origin: str) -> None:
    """Images of the catalogue, all loaded, in as many rows as are scrolled."""
    listed = httpx.get(f"{origin}/v1/images", params={"limit": 600}).json()["images"]
    images = "".join(
        f'<img src="{origin}/v1/images/{one["id"]}/thumbnail" height=190 width=170>'
        for one in listed
    )
    page.set_content(f"<body>{images}<div style='height: 2000px'></div>")
    page.wait_for_function("() => [...document.images].every((one) => one.complete)")


def _report(name: str, page: Page, script: str, given: Sequence[int]) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    before = _worked(devtools)
    times = np.diff(page.evaluate(script, given))
    worked = 1000 * (_worked(devtools) - before) / len(times)
    typical, late, worst = np.percentile(times, [50, 99, 100])
    in_time = np.mean(times < 1.5 * _PERIOD)
    rate = 1000 * len(times) / times.sum()
    print(
        f"{name}: {rate:.1f} frames a second, {in_time:.1%} in time; "
        f"median {typical:.1f} ms, 99th percentile {late:.1f} ms, longest {worst:.1f} ms; "
        f"the page worked {worked:.1f} ms a frame"
    )


def _worked(devtools: CDPSession) -> float:
    """Seconds that the page's thread has worked so far, but for painting."""
    measured: dict[str, float] = {
        one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]
    }
    return measured["ScriptDuration"] + measured["LayoutDuration"] + measured["RecalcStyleDuration"]


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
    """Each photograph is decoded once, and its copies stored as if they had been added."""
    with Finder.create(catalogue, "dhash") as finder:
        finder.add(photographs)
        known = [(path.read_bytes(), *_stored(finder, path)) for path in photographs]
        copies = enumerate(islice(cycle(known), count))
        for some in batched(copies, _PER_FOLDER):
            finder.store.write([_copied(folder, *one) for one in some])
        finder.remove(photographs)


def _stored(finder: Finder, photograph: Path) -> tuple[Record, Features]:
    key = finder.store.lookup_paths([str(photograph)])[str(photograph)].key
    return finder.store.get([key])[key], finder.store.features(key)


def _copied(folder: Path, number: int, known: tuple[bytes, Record, Features]) -> Entry:
    content, record, features = known
    content += number.to_bytes(4, "big")  # other bytes, the same photograph
    path = folder / str(number // _PER_FOLDER) / f"{number:06}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).digest()
    file = File(str(path), path.stat().st_mtime_ns)
    copied = replace(record, key=key_of(sha256), sha256=sha256, size=len(content), files=(file,))
    return Entry(copied, features)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    clothing = assets() / "data" / "clothing" / "test"
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--photographs", type=Path, default=clothing)
    parser.add_argument("--folder", type=Path, help="where the catalogue is kept")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
