"""The body size limit holds whatever a request claims about its length."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from imagefinder.server.batch_paths import ADD
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


async def unsent(message: Any) -> None:
    raise AssertionError(message)


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


def test_a_batch_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client may be waited for a while, and longer only if enough comes."""

    def status(batch: bool, pieces: int) -> int:
        now = 0.0
        sent = 0

        async def receive() -> Any:
            nonlocal now, sent
            now += 15
            sent += 1
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x" * 1000, "more_body": sent < pieces}

        async def run() -> int:
            loop = asyncio.get_running_loop()
            began = loop.time()
            monkeypatch.setattr(loop, "time", lambda: began + now)
            scope = {"type": "http", "method": "POST", "path": ADD if batch else "/v1/images"}
            try:
                await BodyLimitMiddleware(read, 1_000_000)(scope, receive, unsent)
            except HTTPException as error:
                assert "too slowly" in error.detail
                return error.status_code
            return 0

        return asyncio.run(run())

    assert status(batch=True, pieces=3) == 0
    assert status(batch=True, pieces=10) == 408
    assert status(batch=False, pieces=10) == 0  # it has a limit of its time elsewhere
