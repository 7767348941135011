"""Connections beside other workers: each goes to whoever has fewest."""

import asyncio
import os
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagefinder.server import acceptor
from imagefinder.server.acceptor import Acceptor
from imagefinder.server.connection_counts import ConnectionCounts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="several workers need POSIX")


class Greeting(asyncio.Protocol):
    """Says which worker it belongs to."""

    def __init__(self, number: int) -> None:
        self.number = number

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"%d\n" % self.number)


class Workers:
    """Acceptors of one socket in one event loop, each with a descriptor of its own."""

    def __init__(self, listener: socket.socket, counts: Path) -> None:
        ConnectionCounts.create(counts)
        self.counts = ConnectionCounts(counts)
        self.listener = listener
        self.open: list[Any] = []

    def start(self, number: int) -> Acceptor:
        listener = self.listener.dup()
        made = Acceptor(listener, lambda: Greeting(number), self.counts, number)
        self.open += [listener, made]
        return made

    async def connect(self, count: int) -> list[int]:
        """Who has taken each of so many connections, which stay open."""
        taken = []
        for _ in range(count):
            address = self.listener.getsockname()
            reader, writer = await asyncio.open_connection(*address)
            self.open.append(writer)
            taken.append(int(await reader.readline()))
        return taken

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        async def closing() -> None:
            try:
                await test
            finally:
                for one in reversed(self.open):
                    one.close()
                await asyncio.sleep(0)

        asyncio.run(closing())


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Workers(listener, tmp_path / "counts")


def test_each_gets_as_many_as_the_others(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "_POLITENESS", 3600)

    async def test() -> None:
        for number in range(3):
            workers.start(number)
        taken = await workers.connect(3)
        assert sorted(taken) == [0, 1, 2]

    workers.run(test())


def test_a_new_one_catches_up_with_those_that_have_more(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "_POLITENESS", 3600)

    async def test() -> None:
        workers.start(0).recount(4)
        workers.start(1)
        assert await workers.connect(4) == [1] * 4

    workers.run(test())


def test_none_waits_for_one_that_does_not_accept(workers: Workers) -> None:
    async def test() -> None:
        workers.counts.put(7, 0)  # it has stopped
        workers.start(0)
        assert await workers.connect(2) == [0, 0]

    workers.run(test())


def test_one_that_has_closed_takes_no_more_and_does_not_count(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "_POLITENESS", 3600)

    async def test() -> None:
        first = workers.start(0)
        workers.start(1).recount(9)
        first.close()
        await first.wait_begun()
        assert await workers.connect(2) == [1, 1]
        assert workers.counts.fewest() == 11

    workers.run(test())


def test_too_many_open_files_are_waited_for(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptor, "_PAUSE", 0)

    class Exhausted(socket.socket):
        failures = 2

        def accept(self) -> Any:
            if self.failures:
                self.failures -= 1
                raise OSError(24, "Too many open files")
            return super().accept()

    async def test() -> None:
        workers.listener = Exhausted(fileno=os.dup(workers.listener.fileno()))
        workers.open.append(workers.listener)
        monkeypatch.setattr(workers.listener, "dup", lambda: workers.listener, raising=False)
        workers.start(0)
        assert await workers.connect(1) == [0]

    workers.run(test())
    assert caplog.text.count("Too many open files") == 2
