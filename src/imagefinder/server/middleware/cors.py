"""Which other sites' pages may ask (CORS)."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from imagefinder.server.problems import problem

_OWN = ("content-length", "content-type")


class Origins(CORSMiddleware):
    """Middleware: Starlette's, but what it refuses is a problem document too."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """``*`` among the ``origins`` lets any ask."""
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser asks before it lets a page ask."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        headers = {name: value for name, value in answer.headers.items() if name not in _OWN}
        return problem(answer.status_code, bytes(answer.body).decode(), headers)
