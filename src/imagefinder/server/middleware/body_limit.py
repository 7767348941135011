"""Body limits: uploads are counted as they stream in, and refused above a size or without pace."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagefinder.server.batch_paths import is_batch

_MAX_DISCARDED = 16_000_000
_STALL_SECONDS = 20.0
_FIRST_SECONDS = 60.0
_LEAST_RATE = 10_000  # bytes a second, of a batch
_MOST_SECONDS = 3600.0
_TOTAL_BYTES = 128_000_000
_TOTAL_BODIES = 4


class BodyLimitMiddleware:
    """Refuses a body above the limit without reading the rest of it into memory.

    All bodies that are being received or worked on have a limit together, in bytes: 128 MB, or four
    of the largest. A batch keeps few of its lines at a time, each of which has the limit of a body;
    its client may be waited for a minute, a second more with each 10 kB that come, and an hour in
    all: it has one of few places meanwhile.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, stall_seconds: float = _STALL_SECONDS) -> None:
        """``max_bytes`` of the whole body, including multipart boundaries and headers."""
        self.app = app
        self.max_bytes = max_bytes
        self.stall_seconds = stall_seconds
        self.max_total = max(_TOTAL_BYTES, _TOTAL_BODIES * max_bytes)
        self.total = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _LimitedBody(receive, self, is_limited=not is_batch(scope))

        async def send_after_body(message: Message) -> None:
            # a client that is still sending reads the response only once it has sent everything;
            # if far too much is coming, close the connection instead of reading to the end
            if message["type"] == "http.response.start" and not await body.discard():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, body, send_after_body)
        finally:
            body.release()


class _LimitedBody:
    """The receive channel of a request, counting bytes."""

    def __init__(self, receive: Receive, limits: BodyLimitMiddleware, is_limited: bool) -> None:
        self._receive = receive
        self._is_limited = is_limited
        self._limits = limits
        self._received = 0
        self._ended = False
        self._stalled = False
        self._waited = 0.0
        self._counted = 0

    async def __call__(self) -> Message:
        message = await self._next()
        if self._stalled:
            raise HTTPException(408, self._reproach())
        if not self._is_limited:
            return message
        self._count(len(message.get("body", b"")))
        if self._received > self._limits.max_bytes:
            limit = self._limits.max_bytes
            raise HTTPException(413, f"the upload is larger than {limit:,} bytes")
        return message

    async def discard(self) -> bool:
        """Read and drop the rest of the body; False if it is too long or too slow for that."""
        longest = max(self._received, self._limits.max_bytes) + _MAX_DISCARDED
        while not self._ended and not self._stalled and self._received <= longest:
            await self._next()
        return self._ended

    def _count(self, size: int) -> None:
        self._counted += size
        self._limits.total += size
        if self._limits.total > self._limits.max_total:
            self.release()  # while the rest is discarded, or all would refuse each other
            detail = "the server is receiving too many uploads: try again later"
            raise HTTPException(503, detail, {"Retry-After": "5"})

    def release(self) -> None:
        """What was received is no longer kept."""
        self._limits.total -= self._counted
        self._counted = 0

    async def _next(self) -> Message:
        if self._ended:  # what follows is the end of the connection
            return await self._receive()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(min(self._limits.stall_seconds, self._patience())):
                message = await self._receive()
        except TimeoutError:
            self._stalled = True
            return {"type": "http.disconnect"}
        finally:
            self._waited += loop.time() - began
        self._received += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        return message

    def _patience(self) -> float:
        """The seconds that the client may still be waited for."""
        if self._is_limited:  # and so has a limit of its time
            return self._limits.stall_seconds
        earned = _FIRST_SECONDS + self._received / _LEAST_RATE
        return min(earned, _MOST_SECONDS) - self._waited

    def _reproach(self) -> str:
        if round(self._patience(), 3) <= 0:
            return "the upload comes too slowly: send the rest in smaller parts, without pauses"
        return f"nothing of the upload arrived for {self._limits.stall_seconds:g} seconds"
