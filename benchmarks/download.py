"""How fast a list's images are downloaded, beside img2dataset with its best settings.

    python -m benchmarks.download [--img2dataset PYTHON] [--count 5000] [--rounds 3]

A server on this machine, a process of its own, answers each request after 20 ms, and 5 % of them
with 404. The images are those of ``--images``, again and again with other bytes behind their
end.
``--img2dataset`` names the Python of an environment that has it; several of its settings, and of
ours, are tried once, and the best of each then run in turns. Both keep every file as it came, take
its SHA-256, and are timed from the call to the last file, without their imports.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.ingest import processor
from benchmarks.retrieval import assets
from imagefinder._utils.concurrency import cores
from imagefinder.downloads import DownloadSettings, download
from imagefinder.downloads.http import FetchLimits
from imagefinder.images.walk import find_images

_DELAY = 0.02  # seconds
_FAILING = 20  # one in so many

_THEIRS = """
import json, logging, sys, time, warnings
warnings.simplefilter("ignore")
from img2dataset import download
if __name__ == "__main__":
    began = time.perf_counter()
    download(**json.loads(sys.argv[1]))
    print(json.dumps(time.perf_counter() - began))
"""


class Measured(NamedTuple):
    """What one download took."""

    rate: float
    """Images a second."""
    work: float
    """Milliseconds of processor time for each image."""

    def __str__(self) -> str:
        return f"{self.rate:,.0f} images/s ({self.work:.2f} ms of processor time each)"


Measure = Callable[[Path, Mapping[str, Any], argparse.Namespace], Measured]


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    if given.serve:
        asyncio.run(_serve(list(find_images(given.images))))
        return
    print(f"{processor()}, {cores()} cores; {given.count:,} URLs, one in {_FAILING} failing")
    with TemporaryDirectory() as folder, _server(given.images) as port:
        place = Path(folder)
        _write_list(place / "list.csv", given.count, port)
        ours = _best("imagefinder", _our_settings(), _ours, place, given)
        if given.img2dataset is None:
            return
        theirs = _best("img2dataset", _their_settings(given.count), _theirs, place, given)
        ratios = []
        for number in range(1, given.rounds + 1):
            ours_now = _ours(place, ours, given)
            theirs_now = _theirs(place, theirs, given)
            ratios.append(ours_now.rate / theirs_now.rate)
            print(
                f"round {number}: imagefinder {ours_now}, img2dataset {theirs_now}; "
                f"the ratio {ratios[-1]:.2f}",
                flush=True,
            )
        print(f"the ratio, median: {median(ratios):.2f}")


def _our_settings() -> Iterator[dict[str, Any]]:
    for jobs in (64, 128):
        yield {"jobs": jobs}


def _their_settings(count: int) -> Iterator[dict[str, Any]]:
    for processes, threads, output in itertools.product(
        (1, cores()), (64, 128, 256), ("files", "webdataset")
    ):
        yield {
            "processes_count": processes,
            "thread_count": threads,
            "output_format": output,
            "number_sample_per_shard": -(-count // processes),
        }


def _best(
    name: str,
    every: Iterator[dict[str, Any]],
    measure: Measure,
    place: Path,
    given: argparse.Namespace,
) -> dict[str, Any]:
    found: list[tuple[Measured, dict[str, Any]]] = []
    for settings in every:
        found.append((measure(place, settings, given), settings))
        told = ", ".join(f"{key} {value}" for key, value in settings.items())
        print(f"{name} with {told}: {found[-1][0]}", flush=True)
    return max(found, key=lambda pair: pair[0].rate)[1]


def _ours(place: Path, settings: Mapping[str, Any], given: argparse.Namespace) -> Measured:
    before = _processor_time(resource.RUSAGE_SELF)
    with TemporaryDirectory(dir=place) as out:
        summary = download(
            place / "list.csv",
            out,
            settings=DownloadSettings(
                jobs=settings["jobs"],
                per_host=settings["jobs"],
                limits=FetchLimits(allow_private=True),
            ),
        )
        files = sum(1 for _ in find_images(out))
    assert summary.images == files == _expected(given.count), summary
    work = _processor_time(resource.RUSAGE_SELF) - before
    return Measured(files / summary.seconds, work / files * 1000)


def _theirs(place: Path, settings: Mapping[str, Any], given: argparse.Namespace) -> Measured:
    before = _processor_time(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory(dir=place) as out:
        words = {
            "url_list": str(place / "list.csv"),
            "input_format": "csv",
            "url_col": "url",
            "output_folder": f"{out}/out",
            "resize_mode": "no",
            "disable_all_reencoding": True,
            "disallowed_header_directives": [],
            "enable_wandb": False,
            **settings,
        }
        (Path(out) / "theirs.py").write_text(_THEIRS)
        run = subprocess.run(
            [given.img2dataset, f"{out}/theirs.py", json.dumps(words)],
            check=True,
            capture_output=True,
            cwd=out,
        )
        seconds = float(run.stdout.split()[-1])
        told = [json.loads(path.read_text()) for path in Path(out).rglob("*_stats.json")]
    done = sum(int(one["successes"]) for one in told)
    assert done == _expected(given.count), told
    work = _processor_time(resource.RUSAGE_CHILDREN) - before
    return Measured(done / seconds, work / done * 1000)


def _processor_time(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _expected(count: int) -> int:
    return count - count // _FAILING


def _write_list(path: Path, count: int, port: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "title"])
        for number in range(count):
            writer.writerow([f"http://127.0.0.1:{port}/{number}.jpg", f"number {number}"])


@contextmanager
def _server(images: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.download", "--serve", "--images", str(images)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def _serve(paths: Sequence[Path]) -> None:
    contents = [path.read_bytes() for path in paths]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answers(contents), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class _Answers(asyncio.Protocol):
    """As little of HTTP as costs the least, since both sides share the processor."""

    def __init__(self, contents: Sequence[bytes]) -> None:
        """The images."""
        self.contents = contents
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Kept, to answer on."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """A request without a body is whole at the first empty line."""
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, self.received = self.received.partition(b"\r\n\r\n")
            number = int(head[5 : head.index(b".jpg")])
            closes = b"connection: close" in head.lower()
            asyncio.get_running_loop().call_later(_DELAY, self.answer, number, closes)

    def answer(self, number: int, closes: bool) -> None:
        """The image, or that there is none."""
        if number % _FAILING == _FAILING - 1:
            status, body = b"404 Not Found", b""
        else:
            again, place = divmod(number, len(self.contents))
            status, body = b"200 OK", self.contents[place] + again.to_bytes(4, "big")
        head = b"HTTP/1.1 %b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n%b\r\n"
        close = b"Connection: close\r\n" if closes else b""
        self.transport.writelines([head % (status, len(body), close), body])
        if closes:
            self.transport.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--img2dataset", type=Path, help="a Python that has img2dataset")
    parser.add_argument("--images", "--pictures", type=Path, default=assets() / "data/grocery/test")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
