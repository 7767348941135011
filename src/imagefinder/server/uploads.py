"""Uploads are measured while they stream in, and cut off at the cap."""

from __future__ import annotations

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
        received = 0

        async def measured() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received <= self.max_bytes:
                return message
            # a client that is a little over it hears the answer once it has sent all; one that
            # sends much more is cut off, or the server would read on to the end
            while message.get("more_body") and received <= self.max_bytes + _DISCARDED:
                message = await receive()
                received += len(message.get("body", b""))
            reason = f"the upload is larger than {self.max_bytes:,} bytes"
            raise HTTPException(413, reason, headers={"Connection": "close"})

        await self.app(scope, measured if scope["type"] == "http" else receive, send)
