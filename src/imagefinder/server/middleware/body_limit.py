"""Body size limit: uploads are counted as they stream in, and refused with 413 above it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_DISCARDED = 16_000_000


class BodyLimitMiddleware:
    """Refuses a body above the limit without reading the rest of it into memory."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """``max_bytes`` of the whole body, including multipart boundaries and headers."""
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _LimitedBody(receive, self.max_bytes)

        async def send_after_body(message: Message) -> None:
            # a client that is still sending reads the response only once it has sent everything;
            # if far too much is coming, close the connection instead of reading to the end
            if message["type"] == "http.response.start" and not await body.discard():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, body, send_after_body)


class _LimitedBody:
    """The receive channel of a request, counting bytes."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._received = 0
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._next()
        if self._received > self._max_bytes:
            raise HTTPException(413, f"the upload is larger than {self._max_bytes:,} bytes")
        return message

    async def discard(self) -> bool:
        """Read and drop the rest of the body; False if it is too long for that."""
        while not self._ended and self._received <= self._max_bytes + _MAX_DISCARDED:
            await self._next()
        return self._ended

    async def _next(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        return message
