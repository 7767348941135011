"""Connections that are idle, slow or without measure are closed; the clock is the test's own."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from imagefinder.server.connections import ConnectionLimits, affordable_connections
from imagefinder.server.protocol import LimitedProtocol, limited_protocol

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
LIMITS = ConnectionLimits(connections=3, reserve=2)


class Timer:
    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due, self.call = due, call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Task:
    """Runs when it is told to."""

    def __init__(self, run: Coroutine[Any, Any, None]) -> None:
        self.run = run

    def add_done_callback(self, _: object) -> None:
        pass


class Loop:
    """Only what a protocol asks of an event loop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        self.tasks: list[Task] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def create_task(self, run: Coroutine[Any, Any, None], **_: Any) -> Task:
        self.tasks.append(Task(run))
        return self.tasks[-1]

    def run_tasks(self) -> None:
        while self.tasks:
            with pytest.raises(StopIteration):
                self.tasks.pop(0).run.send(None)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [one for one in self.timers if not one.is_cancelled and one.due <= end]:
            first = min(due, key=lambda timer: timer.due)
            self.timers.remove(first)
            self.now = first.due
            first.call()
        self.now = end


class Transport:
    """Keeps what is written, unless its client reads."""

    def __init__(self) -> None:
        self.sent = b""
        self.unread = 0
        self.lost: Callable[[], None] = lambda: None
        self.closed = self.aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def get_extra_info(self, _: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if not self.unread:
                self.lost()

    def abort(self) -> None:
        self.aborted = True
        self.closed = True
        self.lost()

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class Server:
    """A server without sockets."""

    def __init__(self, limits: ConnectionLimits = LIMITS) -> None:
        self.loop = Loop()
        self.kind = limited_protocol(limits)
        self.config = uvicorn.Config(
            self.answer, log_config=None, lifespan="off", interface="asgi3", http=self.kind
        )
        self.state = ServerState()
        self.seen: list[dict[str, Any]] = []
        self.body = b"ok"

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        head = [(b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": self.body})

    def connect(self) -> tuple[LimitedProtocol, Transport]:
        loop: Any = self.loop
        transport: Any = Transport()
        protocol = self.kind(self.config, self.state, {}, loop)
        transport.lost = lambda: protocol.connection_lost(None)
        protocol.connection_made(transport)
        return protocol, transport


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    for task in server.loop.tasks:
        task.run.close()


def status(transport: Transport) -> int:
    return int(transport.sent.split()[1])


def test_a_request_is_answered_and_the_connection_stays_for_the_next(server: Server) -> None:
    protocol, transport = server.connect()
    for _ in range(3):
        transport.sent = b""
        server.loop.wait(3)
        protocol.data_received(HEAD + b"\r\n")
        server.loop.run_tasks()
        assert transport.sent.endswith(b"ok")
    assert not transport.closed
    server.loop.wait(LIMITS.idle_seconds + 1)
    assert transport.closed


def test_a_connection_that_sends_nothing_is_closed_without_a_word(server: Server) -> None:
    _, transport = server.connect()
    server.loop.wait(LIMITS.head_seconds + 1)
    assert (transport.closed, transport.sent) == (True, b"")


@pytest.mark.parametrize(
    ("before", "drip"),
    [(b"", b"\r\n"), (HEAD, b"X"), (HEAD + b"\r\n", b"\r\n"), (HEAD + b"\r\n" + HEAD, b"X")],
)
def test_a_head_that_drips_in_is_not_waited_for(server: Server, before: bytes, drip: bytes) -> None:
    protocol, transport = server.connect()
    protocol.data_received(before)
    server.loop.run_tasks()
    transport.sent = b""
    for _ in range(int(LIMITS.head_seconds) + 2):
        if not transport.closed:
            protocol.data_received(drip)
            server.loop.wait(1)
    assert transport.closed
    assert status(transport) == 408


@pytest.mark.parametrize(
    ("begin", "more", "refusal"),
    [
        (b"GET /", b"a" * 5000, 414),
        (b"GET /?", b"a" * 5000, 414),
        (HEAD, b"X: " + b"a" * 900 + b"\r\n", 431),
        (HEAD, b"X: a\r\n", 431),
        (HEAD + b"X: ", b"a" * 5000, 431),
        (HEAD, b"a" * 5000, 431),
        (b"", b"\r\n" * 5000, 431),
        (UPLOAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked"), b"0;a=b" * 99, 0),
        (
            UPLOAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked") + b"0\r\n",
            b"X: " + b"a" * 900 + b"\r\n",
            0,
        ),
    ],
)
def test_nothing_without_end_is_kept(
    server: Server, begin: bytes, more: bytes, refusal: int
) -> None:
    protocol, transport = server.connect()
    protocol.data_received(begin)
    sent = 0
    while not transport.closed:
        protocol.data_received(more)
        sent += len(more)
        assert sent < 3 * LIMITS.head_bytes
    if refusal:
        assert status(transport) == refusal
        assert b"application/problem+json" in transport.sent
    server.loop.run_tasks()


def test_what_is_no_http_is_refused(server: Server) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"a b c\r\n\r\n",
    ):
        protocol, transport = server.connect()
        protocol.data_received(data)
        assert status(transport) == 400
        assert transport.closed


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"identity"])
def test_a_transfer_encoding_that_is_not_known_is_told(server: Server, coding: bytes) -> None:
    protocol, transport = server.connect()
    field = b"Transfer-Encoding: " + coding
    protocol.data_received(UPLOAD.replace(b"Content-Length: 100", field))
    assert status(transport) == 501
    assert transport.closed


def test_a_body_may_come_in_chunks(server: Server) -> None:
    protocol, transport = server.connect()
    field = b"Transfer-encoding: Chunked"
    protocol.data_received(UPLOAD.replace(b"Content-Length: 100", field) + b"1\r\na\r\n0\r\n\r\n")
    server.loop.run_tasks()
    assert status(transport) == 200


def test_a_body_may_be_as_long_as_it_likes(server: Server) -> None:
    protocol, transport = server.connect()
    protocol.data_received(UPLOAD.replace(b"100", b"10000000"))
    for _ in range(1000):
        protocol.data_received(b"x" * 10_000)
    server.loop.run_tasks()
    assert status(transport) == 200
    assert not transport.closed


def test_the_longest_idle_connection_makes_room_for_another(server: Server) -> None:
    running, _ = server.connect()
    running.data_received(UPLOAD)
    server.loop.wait(1)
    others = []
    for _ in range(6):
        others.append(server.connect()[1])
        server.loop.wait(1)
    assert [one.aborted for one in others] == [True] * 4 + [False] * 2
    newest, transport = server.connect()
    newest.data_received(HEAD + b"\r\n")
    server.loop.run_tasks()
    assert transport.sent.endswith(b"ok")
    assert not server.seen[-1]["state"]["is_surplus"]


def test_a_slow_upload_makes_room_where_nothing_is_idle(server: Server) -> None:
    uploads = []
    for _ in range(5):
        protocol, transport = server.connect()
        protocol.data_received(UPLOAD)
        server.loop.wait(1)
        uploads.append(transport)
    assert [one.aborted for one in uploads] == [True, True, False, False, False]


def test_connections_beyond_the_limit_are_marked_and_beyond_the_reserve_closed(
    server: Server,
) -> None:
    for _ in range(LIMITS.connections):  # requests at work, which nothing interrupts
        protocol, _ = server.connect()
        protocol.data_received(HEAD + b"\r\n")
    surplus = []
    for _ in range(LIMITS.reserve + 1):
        protocol, transport = server.connect()
        if not transport.closed:
            protocol.data_received(HEAD + b"\r\n")
        surplus.append(transport)
    assert [one.aborted for one in surplus] == [False] * LIMITS.reserve + [True]
    server.loop.run_tasks()
    marks = [scope["state"]["is_surplus"] for scope in server.seen]
    assert marks == [False] * LIMITS.connections + [True] * LIMITS.reserve


def test_a_client_that_does_not_read_its_response_is_not_waited_for(server: Server) -> None:
    protocol, transport = server.connect()
    protocol.data_received(HEAD + b"\r\n")
    transport.unread = 50
    server.loop.run_tasks()
    transport.unread = 40
    server.loop.wait(LIMITS.write_seconds + 1)
    assert not transport.aborted  # it has read something
    server.loop.wait(LIMITS.write_seconds + 1)
    assert transport.aborted


def test_a_client_that_reads_slowly_is_waited_for(server: Server) -> None:
    protocol, transport = server.connect()
    protocol.data_received(HEAD + b"\r\n")
    transport.unread = 100_000
    for _ in range(5):  # taken and filled again
        protocol.pause_writing()
        server.loop.wait(LIMITS.write_seconds / 2)
        protocol.resume_writing()
    assert not transport.aborted
    server.loop.wait(3 * LIMITS.write_seconds)
    assert transport.aborted
    server.loop.run_tasks()


def test_a_connection_that_is_retired_closes_with_its_next_response_and_says_so(
    server: Server,
) -> None:
    protocol, transport = server.connect()
    protocol.data_received(HEAD + b"\r\n")
    server.loop.run_tasks()
    assert b"connection: close" not in transport.sent
    protocol.retire()
    server.loop.wait(3)
    assert not transport.closed  # a request may be on its way
    transport.sent = b""
    protocol.data_received(HEAD + b"\r\n")
    server.loop.run_tasks()
    assert b"connection: close" in transport.sent
    assert transport.sent.endswith(b"ok")
    assert transport.closed


def test_a_request_at_work_is_the_last_of_a_retired_connection(server: Server) -> None:
    protocol, transport = server.connect()
    protocol.data_received(HEAD + b"\r\n")
    protocol.retire()
    server.loop.run_tasks()
    assert b"connection: close" in transport.sent
    assert transport.closed


def test_a_retired_connection_that_stays_idle_is_closed_when_any_is(server: Server) -> None:
    protocol, transport = server.connect()
    protocol.data_received(HEAD + b"\r\n")
    server.loop.run_tasks()
    protocol.retire()
    server.loop.wait(LIMITS.idle_seconds + 1)
    assert transport.closed


def test_there_is_room_for_some_connections() -> None:
    assert affordable_connections() >= 16


def test_protocols_of_two_servers_count_apart() -> None:
    one, other = limited_protocol(LIMITS), limited_protocol(LIMITS)
    assert one.pool is not other.pool
    assert issubclass(one, asyncio.Protocol)
