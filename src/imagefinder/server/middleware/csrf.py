"""CSRF protection by Fetch Metadata headers."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.problems import problem_response

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteMiddleware:
    """Answers 403 to state-changing requests from pages of other origins, unless allowed.

    CORS alone only hides the response: a browser still submits another site's form, files
    included. Clients other than browsers send none of these headers, and no page can make them.
    Same algorithm as Go's ``http.CrossOriginProtection``.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """``*`` among the ``origins`` allows any."""
        self.app = app
        self.origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        safe = scope["type"] != "http" or scope["method"] in _SAFE_METHODS
        if safe or self._is_allowed(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        detail = "cross-site request refused: start the server with --cors ORIGIN to allow it"
        await problem_response(403, detail)(scope, receive, send)

    def _is_allowed(self, headers: Headers) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if "*" in self.origins or origin in self.origins:
            return True
        if site is not None:
            return site in ("same-origin", "none")
        # an old browser, or one that connected without TLS
        return origin is None or _host(origin) == headers.get("host", "").lower()


def _host(origin: str) -> str:
    """Host and, unless it is the default one, port."""
    return origin.lower().partition("://")[2]
