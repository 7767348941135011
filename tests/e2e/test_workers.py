"""A server of several workers: one port, one set of limits and metrics, and no request lost."""

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx
import pytest

from .program import Run, answer, misuse, refusal, served, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="several workers need signals")
CLIENTS = 2
REQUESTS = 150


@pytest.fixture
def hashes(run: Run, folder: Path, tmp_path: Path) -> Path:
    """A catalogue of three images, by an encoder that needs no model."""
    answer(run("add", folder, "--db", "hashes.db", "--encoder", "phash", "--json"))
    return tmp_path / "hashes.db"


def workers_of(pid: int) -> list[int]:
    """The processes of a server's workers: those that multiprocessing has spawned."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid for pid in map(int, children) if b"spawn_main" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def each_alone(client: httpx.Client, count: int, path: str) -> list[int]:
    """The statuses of requests over a new connection each, so that any worker may get it."""
    last = {"Connection": "close"}
    return [client.get(path, headers=last).status_code for _ in range(count)]


def test_a_restart_under_load_loses_no_request_and_the_end_leaves_nothing(
    hashes: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    image = (folder / "a.jpg").read_bytes()
    is_over = Event()

    def ask(base_url: httpx.URL) -> list[int]:
        statuses: list[int] = []
        with httpx.Client(base_url=base_url, timeout=60) as client:  # it keeps its connection
            while not is_over.is_set() or len(statuses) < REQUESTS:
                statuses += [client.get("/v1/images").status_code for _ in range(10)]
                found = client.post("/v1/search", files={"image": ("a.jpg", image)})
                assert found.json()["hits"][0]["name"] == "a.jpg"
                statuses.append(found.status_code)
        return statuses

    with (
        served(tmp_path, "--db", hashes, "--workers", 2) as (client, process, log),
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        before = workers_of(process.pid)
        running = [threads.submit(ask, client.base_url) for _ in range(CLIENTS)]
        try:
            process.send_signal(signal.SIGHUP)
            until(lambda: "all workers have been replaced" in log.read_text())
        finally:
            is_over.set()
        statuses = [status for one in running for status in one.result()]
        assert len(before) == len(workers_of(process.pid)) == 2
        assert not set(before) & set(workers_of(process.pid))
        assert list((tmp_path / "tmp").iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
        assert log.read_text().count("Application shutdown complete") == 4
        assert "Traceback" not in log.read_text()
    assert len(statuses) >= CLIENTS * REQUESTS
    assert set(statuses) == {200}
    assert not list((tmp_path / "tmp").iterdir())


def test_what_workers_share_outlives_one_that_dies_and_no_worker_outlives_the_supervisor(
    hashes: Path, tmp_path: Path
) -> None:
    options = ("--workers", 2, "--rate", 12)
    with served(tmp_path, "--db", hashes, *options) as (client, process, log):
        assert each_alone(client, 8, "/v1/stats") == [200] * 8
        told = client.get("/metrics").text
        assert 'method="GET",route="/v1/stats",status="200"} 8.0' in told
        assert len(re.findall(r"^process_resident_memory_bytes\{", told, re.M)) == 2
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        until(lambda: "another one takes its place" in log.read_text())
        assert 429 in each_alone(client, 60, "/v1/stats")
        until(lambda: log.read_text().count("Application startup complete") == 3)
        assert each_alone(client, 4, "/healthz") == [200] * 4
        left = workers_of(process.pid)
        process.kill()
        until(lambda: not any(b"spawn_main" in _command(pid) for pid in left))


def test_what_keeps_workers_from_starting_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    assert "there is no catalogue" in refusal(run("serve", "--workers", 2, "--port", 0))


def test_workers_that_cannot_be_are_refused(run: Run) -> None:
    several = ("serve", "--workers", 3, "--port", 0)
    assert "--writable there is one worker" in misuse(run(*several, "--writable"))
    assert "is split among 3 workers" in misuse(run(*several, "--decoding-memory", 100))
