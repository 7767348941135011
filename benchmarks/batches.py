"""Additions over HTTP: images per second in batches, and in requests of their own.

    python -m benchmarks.batches [--encoder standard] [--images 256] [--rounds 3]

One server, which begins with an empty catalogue, is sent the same images in three ways, in turn: by
one client one after the other (``add``), by eight clients at a time, and by one client in batches
(``add_many``). They are deleted again by a batch after each. Reported are the medians of the rounds
and the ratios; client and server share the processor.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TypeAlias

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from benchmarks.serving import served
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.client import Client

_CLIENTS = 8

Adding: TypeAlias = Callable[[Client, Sequence[bytes]], object]


def main() -> None:
    """Run the benchmark."""
    given = _arguments()
    paths = [path for name in ("clothing", "grocery") for path in images_of(given.data, name)]
    images = [path.read_bytes() for path in paths[: given.images]]
    size = sum(map(len, images)) // len(images)
    print(f"{processor()}, {cores()} cores; {len(images)} images of {size:,} bytes on average")
    with TemporaryDirectory() as folder:
        catalogue = Path(folder, "c.db")
        Finder.create(catalogue, given.encoder).close()
        with (
            served(catalogue, Path(folder, "log"), options=["--writable"]) as (port, _),
            Client(f"http://127.0.0.1:{port}") as client,
        ):
            _report({name: _rates(add, client, images, given.rounds) for name, add in WAYS.items()})


def _one_by_one(client: Client, images: Sequence[bytes]) -> None:
    for image in images:
        client.add(image)


def _by_several(client: Client, images: Sequence[bytes]) -> None:
    with ThreadPoolExecutor(_CLIENTS) as clients:
        list(clients.map(client.add, images))


WAYS: dict[str, Adding] = {
    "one by one": _one_by_one,
    f"by {_CLIENTS} clients": _by_several,
    "in batches": Client.add_many,
}


def _rates(add: Adding, client: Client, images: Sequence[bytes], rounds: int) -> list[float]:
    """Images per second; the first round, in which much is done for the first time, is left out."""
    rates = []
    for _ in range(rounds + 1):
        began = perf_counter()
        add(client, images)
        rates.append(len(images) / (perf_counter() - began))
        assert client.remove_many(one.id for one in client.page(1000)).failed == ()
    return rates[1:]


def _report(rates: dict[str, list[float]]) -> None:
    single = median(rates["one by one"])
    for name, values in rates.items():
        middle = median(values)
        print(f"  {name}: {middle:.1f} images/s, {middle / single:.2f} of one by one")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure additions over HTTP.")
    parser.add_argument("--encoder", default="standard")
    parser.add_argument("--images", type=int, default=256, help="at most 1000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
