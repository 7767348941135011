"""Files change at random while `imagefinder watch` follows them and another process searches.

    python -m benchmarks.watching FOLDER [--changes 1000] [--seconds 20] [--encoder NAME]

Photographs of FOLDER are dropped into a watched folder, moved, rewritten and deleted; folders are
moved too. What is measured is how long after the last change the catalogue is what a sync would
make it. At the end it is compared with a catalogue that is made anew.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import numpy as np

from benchmarks.ingest import processor
from imagefinder.finder import Finder
from imagefinder.images.walk import find_images

_FIRST = 200  # photographs that are there at the beginning
_QUERIES = 50
_PATIENCE = 60.0  # seconds


def main() -> None:
    """Measure, and print; or be the process that searches."""
    given = _arguments()
    if given.search:
        _search(given.search, given.folder)
        return
    print(processor())
    with TemporaryDirectory() as folder:
        _measure(Path(folder), list(find_images(given.folder)), given)


def _measure(folder: Path, photographs: Sequence[Path], given: argparse.Namespace) -> None:
    catalogue, root = folder / "photos.db", folder / "watched"
    changes = _Changes(root, photographs)
    for _ in range(_FIRST):
        changes.drop()
    with Finder.create(catalogue, given.encoder) as finder:
        finder.add(root)
        watcher = ["imagefinder", "watch", str(root), "--db", str(catalogue), "--json"]
        searcher = ["benchmarks.watching", str(given.folder), "--search", str(catalogue)]
        with _running(searcher) as searching, _running(watcher):
            _make(changes, given.changes, given.seconds)
            seconds = _seconds_until(lambda: _is_followed(finder, root))
            searching.send_signal(signal.SIGTERM)
            found = json.loads(searching.communicate()[0])
        print(f"{given.changes:,} changes in {given.seconds} s: {changes.in_words()}")
        print(f"followed {seconds:.2f} s after the last change; {len(finder):,} images")
        print(
            f"searches meanwhile: {found['searches']:,}, of which {found['failed']} failed; "
            f"{found['median']:.0f} ms in the median, {found['worst']:.0f} ms the slowest"
        )
        report = finder.sync(root, checksum=True)
        print(f"a sync after it: {report.added + report.updated + report.removed} changes")
        _compare(finder, folder, root, given.encoder)


class _Changes:
    """Random changes of files in a folder, the same each time."""

    def __init__(self, root: Path, photographs: Sequence[Path]) -> None:
        self.root, self.counts = root, Counter[str]()
        self._chance = random.Random(3)  # noqa: S311  the same changes each time
        self._sources, self._number = cycle(photographs), 0

    def make(self) -> None:
        """One of them."""
        kinds = [self.drop, self.drop, self.move, self.rewrite, self.delete, self.move_folder]
        weights = [20, 20, 20, 20, 19, 1]
        self._chance.choices(kinds, weights)[0]()

    def drop(self) -> None:
        """A new file."""
        self.counts["dropped"] += 1
        self._number += 1
        target = self._folder() / f"{self._number:05}.jpg"
        shutil.copyfile(next(self._sources), target)

    def rewrite(self) -> None:
        """Another photograph in place of one."""
        self.counts["rewritten"] += 1
        shutil.copyfile(next(self._sources), self._one())

    def move(self) -> None:
        """To another folder and name."""
        self.counts["moved"] += 1
        self._number += 1
        self._one().rename(self._folder() / f"{self._number:05}-moved.jpg")

    def move_folder(self) -> None:
        """To another name, with all that is in it."""
        folder = self._one().parent
        if folder != self.root:
            self.counts["folders moved"] += 1
            self._number += 1
            folder.rename(self.root / f"{self._number:05}")

    def delete(self) -> None:
        """One file."""
        self.counts["deleted"] += 1
        self._one().unlink()

    def in_words(self) -> str:
        """How many of each."""
        return ", ".join(f"{count} {name}" for name, count in self.counts.items())

    def _one(self) -> Path:
        return self._chance.choice(sorted(self.root.rglob("*.jpg")))

    def _folder(self) -> Path:
        folder = self.root / f"folder-{self._chance.randrange(10)}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _make(changes: _Changes, count: int, seconds: float) -> None:
    """Spread over some time."""
    began = perf_counter()
    for number in range(count):
        changes.make()
        sleep(max(0.0, began + seconds * (number + 1) / count - perf_counter()))


def _is_followed(finder: Finder, root: Path) -> bool:
    """Whether the catalogue has the files that there are, with their sizes and times."""
    stored = finder.store.lookup_paths(list(finder.store.iter_paths(str(root))))
    states = {path: (file.size, file.mtime_ns) for path, file in stored.items()}
    files = ((str(path), path.stat()) for path in find_images(root))
    return states == {path: (status.st_size, status.st_mtime_ns) for path, status in files}


def _seconds_until(is_done: Callable[[], bool]) -> float:
    began = perf_counter()
    while not is_done():
        if perf_counter() - began > _PATIENCE:
            raise SystemExit("the catalogue has not followed")
        sleep(0.05)
    return perf_counter() - began


def _compare(finder: Finder, folder: Path, root: Path, encoder: str) -> None:
    with Finder.create(folder / "anew.db", encoder) as anew:
        anew.add(root)
        furthest = 0.0
        pairs = zip(finder.store.iter_records(), anew.store.iter_records(), strict=True)
        for (record, rows), (other, expected) in pairs:
            assert set(record.files) == set(other.files), f"{record.path} differs"
            furthest = max(furthest, float(np.abs(rows - expected).max()))
    print(f"equal to a catalogue made anew (ids, files); vectors differ by {furthest:.2g} at most")


@contextmanager
def _running(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        yield process
    finally:
        process.terminate()
        process.wait()


def _search(catalogue: Path, folder: Path) -> None:
    """Search until told to end, and print how it went."""
    ends: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ends.append(number))
    print("searching", flush=True)
    times: list[float] = []
    failed = 0
    queries = [path for path, _ in zip(find_images(folder), range(_QUERIES), strict=False)]
    with Finder.open(catalogue) as finder:
        for query in cycle(queries):
            if ends:
                break
            began = perf_counter()
            try:
                failed += not finder.search(query)
            except Exception as error:
                failed += 1
                print(error, file=sys.stderr)
            times.append(1000 * (perf_counter() - began))
    median, worst = np.percentile(times, [50, 100]).tolist()
    print(json.dumps({"searches": len(times), "failed": failed, "median": median, "worst": worst}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--encoder", default="standard")
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
