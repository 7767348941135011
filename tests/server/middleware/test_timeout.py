"""Request timeout: 408 while the request arrives, 503 while the response is computed."""

import asyncio
import json
from collections.abc import AsyncIterator
from threading import Event
from time import monotonic
from typing import Any

from starlette.types import Message

from imagefinder.server.middleware.timeout import TimeoutMiddleware


async def drip() -> AsyncIterator[Message]:
    while True:
        await asyncio.sleep(0.01)
        yield {"type": "http.request", "body": b"x", "more_body": True}


def timed(app: Any, body: Any) -> list[Message]:
    """The messages sent within a timeout of 0.1 s."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/"}
    asyncio.run(TimeoutMiddleware(app, 0.1)(scope, body, send))
    return sent


def test_a_slow_request_times_out_with_408() -> None:
    async def reads(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await receive()

    began = monotonic()
    sent = timed(reads, drip().__anext__)
    assert sent[0]["status"] == 408
    assert monotonic() - began < 60, "the body would have dripped in for ever"


def test_a_slow_response_times_out_with_503_while_its_thread_runs_on() -> None:
    release = Event()

    async def works(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, release.wait, 5))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def body() -> Message:
        asyncio.get_running_loop().call_later(0.3, release.set)
        return {"type": "http.request", "body": b"", "more_body": False}

    sent = timed(works, body)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 503
    assert "longer than 0.1 seconds" in json.loads(sent[1]["body"])["detail"]


def test_a_response_that_ignores_the_body_times_out_with_503() -> None:
    async def works(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(5)

    assert timed(works, drip().__anext__)[0]["status"] == 503


def test_a_response_that_has_begun_has_no_timeout() -> None:
    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"done"})

    assert timed(streams, drip().__anext__)[-1]["body"] == b"done"
