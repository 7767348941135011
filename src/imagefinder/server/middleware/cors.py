"""CORS: which other origins may read responses."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from imagefinder.server.problems import problem_response

_BODY_HEADERS = ("content-length", "content-type")


class CorsMiddleware(CORSMiddleware):
    """Starlette's, except that a refused preflight is a problem document too."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """``*`` among the ``origins`` allows any."""
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer the OPTIONS request that a browser sends first."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        headers = {
            name: value for name, value in response.headers.items() if name not in _BODY_HEADERS
        }
        return problem_response(response.status_code, bytes(response.body).decode(), headers)
