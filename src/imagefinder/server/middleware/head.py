"""HEAD is answered wherever GET is, with the same headers and no body (RFC 9110, 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Middleware: asks as by GET, and leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        """What is asked learns nothing of it."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        # a scope of its own: the server goes by the other one when it counts the body
        asked = {**scope, "method": "GET"}

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(asked, receive, bodiless)
        finally:
            scope["route"] = asked.get("route")  # for the figures
