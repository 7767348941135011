"""A catalogue is upgraded, killed five times, resumed, and searched all the while.

    python -m benchmarks.upgrade [--images 10000] [--before classic] [--after compact]

The images are drawn, 500 or more. Another process searches from the beginning to the end; what it
could not answer is counted. At the end the catalogue is compared with one that is made anew.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
import PIL.Image

from imagefinder.catalogue import upgrade as ends
from imagefinder.finder import Finder
from imagefinder.stores.sqlite import upgrade_rows as switch

_SHARES = (0.1, 0.4, 0.75)  # of the images, after which the first runs are killed
_IN_THE_SWITCH, _AFTER_IT = "in the midst of the switch", "after the switch"

_LAST = 200  # searches after the last run
_MOST_FAILURES = 20


def main() -> None:
    """Measure, and print; or be one of the processes that are measured."""
    given = _arguments()
    if given.search:
        _search(given.search)
    elif given.die:
        _die(given.catalogue, given.after, given.die)
    else:
        with TemporaryDirectory() as folder:
            _measure(Path(folder), given)


def _measure(folder: Path, given: argparse.Namespace) -> None:
    catalogue, images = folder / "photos.db", folder / "images"
    images.mkdir()
    for number in range(given.images):
        PIL.Image.fromarray(drawn(number)).save(images / f"{number:06}.jpg")
    with Finder.create(catalogue, given.before) as finder:
        seconds = _timed(partial(finder.add, images))
    print(f"{given.images:,} images added by {given.before} in {seconds:.1f} s", flush=True)
    searcher = _child("--search", catalogue)
    lines: list[str] = []
    reader = Thread(target=lambda: lines.extend(searcher.stdout or ()))
    reader.start()
    try:
        for moment in (
            *(str(round(share * given.images)) for share in _SHARES),
            _IN_THE_SWITCH,
            _AFTER_IT,
        ):
            _kill(catalogue, given.after, moment)
        with Finder.open(catalogue) as finder:
            report = finder.upgrade(given.after)
        print(f"the last run encoded {report.encoded:,} and found {report.images:,}", flush=True)
    finally:
        searcher.send_signal(signal.SIGTERM)
        searcher.wait()
        reader.join()
    _print_searches(json.loads(lines[-1]))
    with Finder.create(folder / "anew.db", given.after) as anew:
        seconds = _timed(partial(anew.add, images))
        print(f"a catalogue made anew by {given.after}: {seconds:.1f} s")
        _compare(catalogue, anew)


def _kill(catalogue: Path, encoder: str, moment: str) -> None:
    began = perf_counter()
    child = _child("--die", moment, "--catalogue", catalogue, "--after", encoder)
    assert child.wait() == -signal.SIGKILL, "it ended before it was killed"
    with Finder.open(catalogue) as finder:
        other = ends.other_vectors(finder.store)
        state = f"{other.images:,} images done" if other else "switched"
        by = finder.recipe.encoder
    found = len(Finder.check(catalogue))
    where = f"after {int(moment):,} images" if moment.isdigit() else moment
    seconds = perf_counter() - began
    print(f"killed {where}: {state}, searched by {by}, {found} damaged ({seconds:.1f} s)")


def _die(catalogue: Path, encoder: str, moment: str) -> None:
    """Upgrade, and be killed at a moment: once so many images are done, or at the switch."""

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def counted(items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            if moment.isdigit() and job_count() >= int(moment):
                die()
            yield item

    with Finder.open(catalogue) as finder:
        store: Any = finder.store

        def job_count() -> int:
            return int(store.other_vectors().images)

        targets = {_IN_THE_SWITCH: (switch, "record_write"), _AFTER_IT: (ends, "_check_reached")}
        with ExitStack() as stack:
            if moment in targets:
                stack.enter_context(patch.object(*targets[moment], die))
            finder.upgrade(encoder, progress=counted)


def _search(catalogue: Path) -> None:
    """Search until told to end, and a little longer, and print how it went."""
    ends: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ends.append(number))
    times: list[float] = []
    answers: dict[str, int] = {}
    wrong = failed = 0
    left = _LAST
    with Finder.open(catalogue) as finder:
        for path in cycle([record.path for record in finder.page(200)]):
            left = left - 1 if ends else left
            if not left or failed > _MOST_FAILURES:
                break
            assert path is not None
            began = perf_counter()
            try:
                hits = finder.search(path, k=1)
                wrong += hits[0].path != path
            except Exception as error:
                failed += 1
                print(error, file=sys.stderr)
            times.append(perf_counter() - began)
            by = finder.recipe.encoder
            answers[by] = answers.get(by, 0) + 1
    spread = np.percentile(times, [50, 99, 100]).tolist()
    print(json.dumps({"answers": answers, "wrong": wrong, "failed": failed, "seconds": spread}))


def _print_searches(found: dict[str, Any]) -> None:
    by = ", ".join(f"{count:,} by {name}" for name, count in found["answers"].items())
    median, most, worst = (f"{1000 * seconds:.0f}" for seconds in found["seconds"])
    print(f"searches meanwhile: {by}; {found['failed']} failed, {found['wrong']} wrong")
    print(f"milliseconds: {median} median, {most} of 99 %, {worst} the slowest")


def _compare(catalogue: Path, anew: Finder) -> None:
    with Finder.open(catalogue) as finder:
        assert finder.recipe == anew.recipe
        images, furthest = 0, 0.0
        pairs = zip(finder.store.iter_records(), anew.store.iter_records(), strict=True)
        for (record, rows), (other, expected) in pairs:
            assert record == other, f"{record.path} and {other.path} differ"
            furthest = max(furthest, float(np.abs(rows - expected).max()))
            images += 1
    print(f"{images:,} images are equal (ids, records); vectors differ by {furthest:.2g} at most")


def _child(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.upgrade", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _timed(call: Any) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def drawn(seed: int) -> Any:
    """Soft clouds of color: another image for each seed."""
    rng = np.random.default_rng(seed)
    clouds = PIL.Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
    return np.asarray(clouds.resize((96, 72), PIL.Image.Resampling.BICUBIC))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--before", default="classic")
    parser.add_argument("--after", default="compact")
    for hidden in ("--search", "--catalogue"):
        parser.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--die", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
