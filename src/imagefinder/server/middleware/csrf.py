"""Pages of other sites make the server do nothing in a visitor's name (CSRF)."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.problems import problem

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SameSite:
    """Middleware: 403 for what another site's page has a browser send, unless it may ask.

    CORS only keeps answers from such a page: a form, and its files, are sent without its leave.
    Programs other than browsers send none of these headers, and cannot be made to by a page. This
    is the way of Go's ``http.CrossOriginProtection``.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """``*`` among the ``origins`` lets any ask."""
        self.app = app
        self.origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        safe = scope["type"] != "http" or scope["method"] in _SAFE
        if safe or self._may_ask(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        detail = "a page of another site asks: start the server with --cors ORIGIN to let it"
        await problem(403, detail)(scope, receive, send)

    def _may_ask(self, headers: Headers) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if "*" in self.origins or origin in self.origins:
            return True
        if site is not None:
            return site in ("same-origin", "none")
        # a browser of old, or one that came without TLS
        return origin is None or _host(origin) == headers.get("host", "").lower()


def _host(origin: str) -> str:
    """With its port, if that is not the usual one."""
    return origin.lower().partition("://")[2]
