"""A cluster of several machines fills a catalogue while its parts are killed.

    python -m benchmarks.cluster_kills [--images 20000] [--encoder compact] [--nodes 3]
                                       [--store s3|postgres|sqlite]

The machines are raylets of one core each, on addresses of their own (127.0.0.2 and on); the images
are objects in an S3 server on localhost. The first catalogue is filled without a kill. While the
second one is, a worker, a raylet and the program that hands out the work are killed (SIGKILL), and
the same command goes on. Into the third, two programs add all images at once. All three are
compared, bit by bit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any
from unittest.mock import patch

import PIL.Image
from tests.object_store import AmazonStore, ObjectStore
from tests.postgres_server import Server

from benchmarks.ingest import processor
from benchmarks.upgrade import drawn
from imagefinder.catalogue.comparison import compare_catalogues
from imagefinder.cluster.worker import EncodingWorker
from imagefinder.finder import Finder

_MEMORY = 150 * 2**20  # bytes of each machine's object store
_PUTS = 8  # at a time
_TITLE = f"ray::{EncodingWorker.__name__}".encode()  # of a worker's process
_SHARES = (0.2, 0.4, 0.6)  # of the images, after which a worker, a raylet and the program end


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    print(processor())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = AmazonStore(folder)
        stack.callback(server.close)
        stack.enter_context(patch.dict(os.environ, server.environment))
        images = _put(server, given.images)
        place = stack.enter_context(_places(given.store, folder, server))
        plain, killed, shared = place("plain"), place("killed"), place("shared")
        with local_cluster([1] * given.nodes) as cluster:
            seconds = _timed(partial(_add, cluster, images, plain, given.encoder))
            print(f"without a kill: {seconds:.0f} s, {given.images / seconds:.0f} images/s")
        with local_cluster([1] * given.nodes) as cluster:
            seconds = _timed(partial(_add_with_kills, cluster, images, killed, given))
            print(f"with kills: {seconds:.0f} s")
        with local_cluster([1] * given.nodes) as cluster:
            programs = [_start(cluster, images, shared, given.encoder) for _ in range(2)]
            print("two programs at once:", [program.wait() for program in programs])
        _compare(plain, killed, "killed")
        _compare(plain, shared, "filled by two programs")


def _add(cluster: Any, images: str, catalogue: str, encoder: str) -> None:
    if _start(cluster, images, catalogue, encoder).wait():
        raise SystemExit("it has failed")


def _start(cluster: Any, images: str, catalogue: str, encoder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imagefinder", "cluster", "add", images, "--db", catalogue]
    return subprocess.Popen([*command, "--encoder", encoder, "--address", cluster.address])


def _add_with_kills(cluster: Any, images: str, catalogue: str, given: argparse.Namespace) -> None:
    program = _start(cluster, images, catalogue, given.encoder)
    kills: list[Callable[[], object]] = [
        lambda: os.kill(_worker(), SIGKILL),
        lambda: cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False),
        program.kill,
    ]
    names = ("a worker", "a raylet", "the program")
    for share, kill, name in zip(_SHARES, kills, names, strict=True):
        while _count(catalogue) < share * given.images:
            if program.poll() is not None:
                raise SystemExit(f"it ended before {name} could be killed")
            sleep(0.2)
        kill()
        print(f"killed {name} after {_count(catalogue):,} images", flush=True)
    program.wait()
    _add(cluster, images, catalogue, given.encoder)


def _worker() -> int:
    """The process of one of the workers."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and _TITLE in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise SystemExit("there is no worker")


def _count(catalogue: str) -> int:
    if not Finder.exists(catalogue):
        return 0
    with Finder.open(catalogue) as finder:
        return len(finder)


def _compare(plain: str, other: str, name: str) -> None:
    found = compare_catalogues(plain, other)
    print(f"the catalogue that was {name}: {'equal' if found.is_equal else found}")


def _put(server: ObjectStore, count: int) -> str:
    """Drawn images, in a bucket."""
    bucket = server.bucket()

    def put(number: int) -> None:
        stream = BytesIO()
        PIL.Image.fromarray(drawn(number)).save(stream, "jpeg")
        server.put(f"{bucket}/{number % 100:02}/{number:06}.jpg", stream.getvalue())

    with ThreadPoolExecutor(_PUTS) as threads:
        list(threads.map(put, range(count)))
    print(f"{count:,} objects put", flush=True)
    return bucket


@contextmanager
def _places(store: str, folder: Path, server: ObjectStore) -> Iterator[Callable[[str], str]]:
    """Where catalogues of a name are."""
    if store == "sqlite":
        yield lambda name: str(folder / f"{name}.db")
    elif store == "s3":
        bucket = server.bucket()
        yield lambda name: f"{bucket}/{name}"
    else:
        database = Server()
        try:
            yield database.url
        finally:
            database.close()


@contextmanager
def local_cluster(machines: Sequence[int]) -> Iterator[Any]:
    """Raylets with so many cores, besides a head without any."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _MEMORY}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    try:
        for number, count in enumerate(machines):
            cluster.add_node(
                num_cpus=count,
                object_store_memory=_MEMORY,
                node_ip_address=f"127.0.0.{2 + number}",
            )
        yield cluster
    finally:
        cluster.shutdown()


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--store", choices=["s3", "postgres", "sqlite"], default="s3")
    return parser.parse_args()


if __name__ == "__main__":
    main()
