"""Kills and write faults: nothing that was reported done may be lost, and no catalogue may lie.

    python -m benchmarks.durability [--kills 100] [--faults 200] [--seed 7]

Each round takes one command that writes (add, sync, import, reduce, index build, calibrate, remove,
backup, export, download, or uploads and deletions through a server), and kills it at a random
moment, or lets a write, fsync or rename of its fail (one call, or every call from there on as on a
full disk; Linux with a C compiler). Then: all images that were stored before are there, with
their vectors and metadata; ``check`` finds nothing; the user's own files are as they were; a failed
command said why in one line; and the same command, run again, comes to its usual end.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import PIL.Image

from benchmarks.ingest import processor
from imagefinder import Finder
from imagefinder.errors import ImageFinderError

PROGRAM = (sys.executable, "-m", "imagefinder")
_STORED, _NEW = 60, 60
_PATIENCE = 120


@dataclass(frozen=True)
class Case:
    """A command, and the file that it makes or changes."""

    words: tuple[str, ...]
    changes: str = "cat.db"


CASES = {
    "add": Case(("add", "new")),
    "sync": Case(("sync", ".")),
    "import": Case(("import", "more.npy")),
    "remove": Case(("remove", "stored")),
    "reduce": Case(("reduce", "small.db", "--dim", "8"), "small.db"),
    "index": Case(("index", "build", "exact")),
    "calibrate": Case(("calibrate", "--rate", "0.05")),
    "backup": Case(("backup", "copy.db"), "copy.db"),
    "export": Case(("export", "out.npy"), "out.npy"),
    "download": Case(("download", "list.csv", "-o", "downloads", "--allow-private"), "downloads"),
}


@dataclass
class Outcomes:
    """What happened in all rounds."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def fault(self, about: str, what: str) -> None:
        """Something that must not happen."""
        self.faults.append(f"{about}: {what}")
        print(f"FAULT {about}: {what}", flush=True)


def main() -> None:
    """Run all rounds, and print what happened."""
    given = _arguments()
    rng = random.Random(given.seed)  # noqa: S311
    outcomes = Outcomes()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        template = _template(folder / "work").rename(folder / "template")
        with _web(template / "new") as port:
            (template / "list.csv").write_text(_list(port, template / "new"))
            seconds = {name: _time(name, folder, template) for name in CASES}
            print(processor(), {name: round(one, 1) for name, one in seconds.items()}, flush=True)
            for number in range(given.kills):
                name = rng.choice([*CASES, "server", "server"])
                moment = rng.random()
                if name == "server":
                    _kill_server(folder, template, moment, number, outcomes)
                else:
                    _kill(name, folder, template, seconds[name] * moment, number, outcomes)
            if given.faults:
                shim = _shim(folder)
                calls = {name: _count(name, folder, template, shim) for name in CASES}
                print("calls", calls, flush=True)
                for number in range(given.faults):
                    name = rng.choice(list(CASES))
                    at, kind = rng.randint(1, calls[name]), rng.choice(["once", "full"])
                    _fault(name, folder, template, shim, (at, kind), number, outcomes)
    print(dict(outcomes.counts))
    print(f"{len(outcomes.faults)} faults")
    sys.exit(bool(outcomes.faults))


def _template(folder: Path) -> Path:
    """A folder of images of which one half is stored, and an export of the other half."""
    rng = np.random.default_rng(0)
    for name, count in (("stored", _STORED), ("new", _NEW)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            small = rng.integers(0, 256, (12, 12, 3)).astype(np.uint8)
            image = PIL.Image.fromarray(small).resize((160, 160), PIL.Image.Resampling.BICUBIC)
            image.save(folder / name / f"{number:03}.png")
    for db, images in (("cat.db", "stored"), ("other.db", "new")):
        with Finder.create(folder / db) as finder:
            finder.add(folder / images, metadata={"album": images})
            if db == "other.db":
                finder.export_vectors(folder / "more.npy")
    for file in folder.glob("other.db*"):
        file.unlink()
    return folder


def _fresh(folder: Path, template: Path) -> Path:
    """A copy of the template at the path where it was made, which the catalogue names."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(template, work)
    return work


def _content(db: Path) -> dict[str, tuple[bytes, str]]:
    """The vectors and metadata of each image by its id."""
    with Finder.open(db) as finder:
        return {
            record.id: (vectors.tobytes(), repr(sorted(record.metadata.items())))
            for record, vectors in finder.store.iter_records()
        }


def _digests(work: Path) -> dict[str, str]:
    """The user's own files."""
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for name in ("stored", "new")
        for file in sorted((work / name).iterdir())
    }


def _run(
    work: Path, name: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *CASES[name].words],
        cwd=work,
        env=_env(env),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


def _env(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "IMAGEFINDER_DB": "cat.db", **(more or {})}


def _time(name: str, folder: Path, template: Path) -> float:
    work = _fresh(folder, template)
    began = time.perf_counter()
    result = _run(work, name)
    assert result.returncode == 0, (name, result.stderr)
    return time.perf_counter() - began


def _kill(
    name: str, folder: Path, template: Path, moment: float, number: int, outcomes: Outcomes
) -> None:
    work = _fresh(folder, template)
    before, digests = _content(work / "cat.db"), _digests(work)
    process = subprocess.Popen(
        [*PROGRAM, *CASES[name].words],
        cwd=work,
        env=_env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(moment)
        outcomes.counts["ended before the kill"] += 1
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        outcomes.counts["killed"] += 1
    about = f"kill {number} of {name} after {moment:.2f} s"
    _examine(about, name, work, before, digests, outcomes)


def _fault(
    name: str,
    folder: Path,
    template: Path,
    shim: Path,
    fault: tuple[int, str],
    number: int,
    outcomes: Outcomes,
) -> None:
    work = _fresh(folder, template)
    before, digests = _content(work / "cat.db"), _digests(work)
    at, kind = fault
    about = f"fault {number} ({kind} at call {at}) of {name}"
    env = {
        "LD_PRELOAD": str(shim),
        "FAULT_FOLDER": str(work),
        "FAULT_AT": str(at),
        "FAULT_KIND": kind,
    }
    try:
        result = _run(work, name, env)
    except subprocess.TimeoutExpired:
        outcomes.fault(about, "did not end")
        return
    outcomes.counts["fault: done anyway" if result.returncode == 0 else "fault: refused"] += 1
    said = result.stderr.strip()
    if result.returncode not in (0, 1) or "Traceback" in said or (result.returncode and not said):
        outcomes.fault(about, f"status {result.returncode}, said {said[-300:]!r}")
    if result.returncode == 0:
        _assert_done(about, name, work, before, outcomes)
    _examine(about, name, work, before, digests, outcomes)


def _examine(
    about: str,
    name: str,
    work: Path,
    before: Mapping[str, tuple[bytes, str]],
    digests: Mapping[str, str],
    outcomes: Outcomes,
) -> None:
    """After the fault, and again after the same command was repeated."""
    if _digests(work) != digests:
        outcomes.fault(about, "files of the user's have changed")
    _assert_sound(about, work, outcomes)
    if name != "remove":
        lost = _lost(work / "cat.db", before)
        if lost:
            outcomes.fault(about, f"{len(lost)} stored images are lost or changed")
    target = work / CASES[name].changes
    if CASES[name].changes in ("small.db", "copy.db", "out.npy") and target.exists():
        outcomes.counts["target was there"] += 1  # then it must be whole, and is not made again
        _assert_done(about, name, work, before, outcomes)
        return
    if name == "remove" and not _content(work / "cat.db"):
        return  # nothing is left to be removed again
    again = _run(work, name)
    if again.returncode != 0:
        outcomes.fault(about, f"again: status {again.returncode}, said {again.stderr[-300:]!r}")
        return
    _assert_done(about, name, work, before, outcomes)
    _assert_sound(about, work, outcomes)
    left = [file.name for file in work.iterdir() if file.name.startswith(".")]
    if left:
        outcomes.fault(about, f"left behind: {left}")


def _assert_sound(about: str, work: Path, outcomes: Outcomes) -> None:
    for db in ("cat.db", "small.db", "copy.db"):
        if (work / db).exists():
            try:
                found = Finder.check(work / db)
            except ImageFinderError as error:
                outcomes.fault(about, f"{db}: {error}")
            else:
                if found:
                    outcomes.fault(about, f"{db}: {found[:2]}")


def _assert_done(
    about: str,
    name: str,
    work: Path,
    before: Mapping[str, tuple[bytes, str]],
    outcomes: Outcomes,
) -> None:
    """The end that the command comes to without a fault."""
    expected: dict[str, Callable[[], bool]] = {
        "add": lambda: len(_content(work / "cat.db")) == _STORED + _NEW,
        "sync": lambda: len(_content(work / "cat.db")) == _STORED + _NEW,
        "import": lambda: len(_content(work / "cat.db")) == _STORED + _NEW,
        "remove": lambda: not _content(work / "cat.db"),
        "reduce": lambda: set(_content(work / "small.db")) == set(before),
        "backup": lambda: _content(work / "copy.db") == before,
        "export": lambda: (
            len(np.load(work / "out.npy")) == len(before)
            and len((work / "out.csv").read_text().splitlines()) == len(before) + 1
        ),
        "download": lambda: len(list((work / "downloads").rglob("*.png"))) == _NEW,
    }
    done = expected.get(name, lambda: _content(work / "cat.db") == before)
    if not done():
        outcomes.fault(about, "the result is not what the command makes")


def _lost(db: Path, before: Mapping[str, tuple[bytes, str]]) -> list[str]:
    try:
        now = _content(db)
    except ImageFinderError as error:
        return [str(error)]
    return [key for key, content in before.items() if now.get(key) != content]


def _kill_server(
    folder: Path, template: Path, moment: float, number: int, outcomes: Outcomes
) -> None:
    """Upload and delete until the server is killed: what it answered is what is stored."""
    work = _fresh(folder, template)
    before, digests = _content(work / "cat.db"), _digests(work)
    log = (work / "server.log").open("w+")
    words = ("serve", "--port", "0", "--writable", "--uploads", "uploads")
    process = subprocess.Popen(
        [*PROGRAM, *words], cwd=work, env=_env(), stdout=subprocess.DEVNULL, stderr=log
    )
    added: dict[str, bytes] = {}
    deleted: set[str] = set()
    unsure: set[str] = set()
    try:
        url = _address(work / "server.log")
        killer = threading.Timer(0.02 + 1.5 * moment, process.kill)
        killer.start()
        with httpx.Client(base_url=url, timeout=30) as client:
            _write_until_killed(client, work / "new", added, deleted, unsure)
        killer.join()
    finally:
        process.kill()
        process.wait()
        log.close()
    about = f"kill {number} of a server after {len(added)} uploads and {len(deleted)} deletions"
    outcomes.counts["killed servers"] += 1
    if _digests(work) != digests:
        outcomes.fault(about, "files of the user's have changed")
    _assert_sound(about, work, outcomes)
    now = _content(work / "cat.db")
    if lost := set(added) - deleted - unsure - set(now):
        outcomes.fault(about, f"uploads that were answered are lost: {lost}")
    if back := deleted & set(now):
        outcomes.fault(about, f"deleted images are back: {back}")
    if any(now.get(key) != content for key, content in before.items()):
        outcomes.fault(about, "stored images are lost or changed")


def _write_until_killed(
    client: httpx.Client,
    images: Path,
    added: dict[str, bytes],
    deleted: set[str],
    unsure: set[str],
) -> None:
    for number, file in enumerate(sorted(images.iterdir())):
        try:
            response = client.post("/v1/images", files={"image": (file.name, file.read_bytes())})
            if response.status_code not in (200, 201):
                raise SystemExit(f"upload: {response.status_code} {response.text}")
            added[response.json()["id"]] = file.read_bytes()
            if number % 3 == 2:
                victim = sorted(set(added) - deleted)[0]
                unsure.add(victim)
                if client.delete(f"/v1/images/{victim}").status_code == 204:
                    deleted.add(victim)
        except httpx.HTTPError:
            return


def _address(log: Path) -> str:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for word in log.read_text().split():
            if word.strip('",').startswith("http://127"):
                return word.strip('",')
        time.sleep(0.02)
    raise SystemExit(f"the server did not start: {log.read_text()[-500:]}")


def _shim(folder: Path) -> Path:
    library = folder / "fault.so"
    source = Path(__file__).with_name("fault_shim.c")
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


def _count(name: str, folder: Path, template: Path, shim: Path) -> int:
    work = _fresh(folder, template)
    counted = folder / "calls"
    env = {"LD_PRELOAD": str(shim), "FAULT_FOLDER": str(work), "FAULT_COUNT": str(counted)}
    result = _run(work, name, env)
    assert result.returncode == 0, (name, result.stderr)
    return max(1, int(counted.read_text()))


@contextmanager
def _web(folder: Path) -> Iterator[int]:
    """The images over HTTP on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that was killed is no error."""

    handler = functools.partial(Quiet, directory=str(folder))
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def _list(port: int, folder: Path) -> str:
    urls = [f"http://127.0.0.1:{port}/{file.name}" for file in sorted(folder.iterdir())]
    return "\n".join(["image", *urls, ""])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
