"""The body size limit holds whatever a request claims about its length."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from imagefinder.server.middleware.body_limit import BodyLimitMiddleware

from ..conftest import Serve


def chunks(size: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    for _ in range(size // 1000):
        yield bytes(1000)


@pytest.mark.parametrize("path", ["/v1/search", "/v1/images", "/similarity-search", "/v1/stats"])
def test_a_body_above_the_limit_is_refused(serve: Serve, path: str) -> None:
    client = serve(max_upload=10_000, writable=True)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers in (form, {**form, "Content-Length": "10"}, {**form, "Expect": "100-continue"}):
        answer = client.post(path, content=chunks(20_000), headers=headers)
        assert answer.status_code in (405, 413), headers
    assert client.post(path, files={"image": ("a", bytes(20_000))}).status_code in (405, 413)


def received(limit: BodyLimitMiddleware, messages: list[dict[str, Any]]) -> int:
    """The status with which a request is refused; 0 if all of its body arrives."""
    waiting = list(messages)
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> int:
        scope = {"type": "http", "path": "/", "method": "POST"}
        try:
            await limit(scope, receive, send)
        except HTTPException as error:
            return error.status_code
        return 0

    return asyncio.run(run())


async def read(_: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass


def refused_at_once(limit: BodyLimitMiddleware) -> int:
    """The bytes of other requests when one learns that it is refused, before it ends."""
    seen: list[int] = []

    async def read_and_look(scope: Any, receive: Any, send: Any) -> None:
        try:
            await read(scope, receive, send)
        except HTTPException:
            seen.append(limit.total)

    limit.app = read_and_look
    received(limit, [CHUNK, CHUNK, END])
    limit.app = read
    return seen[0]


CHUNK = {"type": "http.request", "body": bytes(60), "more_body": True}
END = {"type": "http.request", "body": b""}


def test_a_body_that_stalls_is_not_waited_for() -> None:
    limit = BodyLimitMiddleware(read, 1000, stall_seconds=0)
    assert received(limit, [CHUNK]) == 408
    assert limit.total == 0


def test_all_bodies_have_a_limit_together() -> None:
    limit = BodyLimitMiddleware(read, 1000)
    assert received(limit, [CHUNK, END]) == 0
    limit.total = limit.max_total - 100  # of other requests
    assert received(limit, [CHUNK, CHUNK, END]) == 503
    assert refused_at_once(limit) == limit.max_total - 100
    assert received(limit, [CHUNK, END]) == 0
    assert limit.total == limit.max_total - 100
