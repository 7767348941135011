from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from imagefinder.catalogue.stages import Ingestion
from imagefinder.cluster.fetching import FetcherPool
from imagefinder.cluster.session import WithoutRay, check_address, ray_session
from imagefinder.cluster.worker_pool import WorkerPool
from imagefinder.downloads.validators import NONE
from imagefinder.errors import ClusterError
from imagefinder.images.inputs import Input


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port of which nobody else can become the owner, and where nobody listens."""
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", 0))
        yield owner.getsockname()[1]


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nothing_listens_is_told_at_once(scheme: str, deaf_port: int) -> None:
    pytest.importorskip("ray")
    address = f"{scheme}127.0.0.1:{deaf_port}"
    with (
        pytest.raises(ClusterError, match=f"no Ray cluster answers at {address}: Connection"),
        ray_session(address),
    ):
        pass


def test_an_empty_address_is_no_cluster_of_this_machine() -> None:
    """In a script it is an unset variable."""
    pytest.importorskip("ray")
    with pytest.raises(ClusterError, match="the address is empty"), ray_session(""):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:-5", "ray://127.0.0.1", "ray://", "host", ":6379"])
def test_what_is_no_address_is_told_at_once(address: str) -> None:
    with pytest.raises(ClusterError, match="is no address of a cluster"):
        check_address(address)


@pytest.mark.parametrize("address", [f"{'x' * 70}:6379", "127.0.0.1:99999", "[::1:6379"])
def test_a_host_or_a_port_that_cannot_be(address: str) -> None:
    with pytest.raises(ClusterError, match="no Ray cluster answers at"):
        check_address(address)


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_another_program_at_the_address(
    answer: bytes | None, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that says nothing, speaks HTTP, or ends the connection."""
    monkeypatch.setattr("imagefinder.cluster.session.PATIENCE", 5 if answer is not None else 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        accepted = threads.submit(server.accept)
        if answer is not None:
            accepted.add_done_callback(lambda done: _answer(done.result()[0], answer))
        with pytest.raises(ClusterError, match="no Ray cluster answers at"):
            check_address(f"{scheme}127.0.0.1:{server.getsockname()[1]}")
        accepted.result()[0].close()


def _answer(connection: socket.socket, answer: bytes) -> None:
    connection.recv(100)
    connection.sendall(answer)
    connection.shutdown(socket.SHUT_WR)


class LostRay:
    """In place of Ray, whose part on this machine has ended: nothing is answered any more."""

    def __init__(self) -> None:
        client = SimpleNamespace(is_connected=lambda: False)
        self.util = SimpleNamespace(client=SimpleNamespace(ray=client))
        self.exceptions = SimpleNamespace(RayError=RuntimeError, RayTaskError=RuntimeError)

    def wait(self, waiting: Any, **_: Any) -> tuple[list[Any], Any]:
        return [], waiting

    def kill(self, worker: Any) -> None:
        pass

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "own")

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "own", "Alive": False}, {"NodeID": "other", "Alive": True}]


class Waiting:
    """A worker that never begins."""

    def __init__(self) -> None:
        self.begin = self

    def remote(self) -> Any:
        try:
            return asyncio.get_running_loop().create_future()
        except RuntimeError:
            return object()


def test_nobody_waits_for_a_machine_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = WorkerPool(LostRay(), Waiting, 1)
    with pytest.raises(ClusterError, match="the same command goes on"):
        list(pool.process([[Ingestion(Input(Path("a.png")))]]))

    async def fetch() -> None:
        fetchers = FetcherPool(LostRay(), Waiting)
        fetchers.start(1)
        await fetchers.fetch("a", NONE)

    # by its name, the package gives the function
    monkeypatch.setattr(sys.modules["imagefinder.cluster.fetching"], "PATIENCE", 0.01)
    with pytest.raises(ClusterError, match="the same command goes on"):
        asyncio.run(fetch())


def test_what_ray_prints_does_not_stand_between_results() -> None:
    stream = StringIO()
    without = WithoutRay(stream)
    without.write("ours\n")
    thread = Thread(target=print, args=["a worker died"], kwargs={"file": without})
    thread.name = "ray_listen_error_messages"
    thread.start()
    thread.join()
    print("ours", file=without)
    assert stream.getvalue() == "ours\nours\n"
    assert not without.isatty()


def test_the_address_of_a_cluster(ray: Any) -> None:
    check_address(ray.get_runtime_context().gcs_address)


class SlowRay:
    """In place of Ray, which cannot start as often as it is told."""

    def __init__(self, failures: int, said: str) -> None:
        self.failures, self.said, self.starts = failures, said, 0

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.starts += 1
        if self.starts <= self.failures:
            raise Exception(self.said)  # as Ray does

    def shutdown(self) -> None:
        pass


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> SlowRay:
    ray = SlowRay(*request.param)
    monkeypatch.setattr("imagefinder.cluster.session.optional_import", lambda *_: ray)
    return ray


@pytest.mark.parametrize(
    "started", [(2, "The current node timed out during startup.")], indirect=True
)
def test_a_start_that_takes_too_long_is_tried_again(started: SlowRay) -> None:
    with ray_session(None):
        assert started.starts == 3


@pytest.mark.parametrize(
    ("started", "starts"), [((99, "it timed out"), 5), ((99, "no disk"), 1)], indirect=["started"]
)
def test_a_ray_that_cannot_start_is_an_error(started: SlowRay, starts: int) -> None:
    with pytest.raises(ClusterError, match="Ray cannot start on this machine"), ray_session(None):
        pass
    assert started.starts == starts
