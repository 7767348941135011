"""Uploads are measured while they stream in, and cut off at the cap."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DISCARDED = 16_000_000


class UploadCap:
    """Middleware: a body over the cap is 413, before more of it is taken in."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """The cap counts the whole body, its multipart wrapping included."""
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self.max_bytes)

        async def answered(message: Message) -> None:
            # a client that is still sending hears the answer once it has sent all; one that
            # sends much more is cut off, or the server would read on to the end
            if message["type"] == "http.response.start" and not await body.discarded():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, body, answered)


class _Body:
    """A request's body on its way in."""

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

    async def discarded(self) -> bool:
        """Read what nobody wants; says whether that came to an end."""
        while not self._ended and self._received <= self._max_bytes + _DISCARDED:
            await self._next()
        return self._ended

    async def _next(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        return message
