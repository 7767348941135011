"""API key authentication: 401 without a valid key, except on public paths."""

from __future__ import annotations

from starlette._utils import get_route_path  # what the routes are matched with
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.api_keys import KeyFileError, KeyRing
from imagefinder.server.problems import log, problem_response

PUBLIC_PATHS = frozenset(
    {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", "/readyz"}
)
"""They need no key, and reveal nothing about any image."""
PUBLIC_PREFIXES = ("/page/", "/static-offline-docs/")


class ApiKeyMiddleware:
    """Accepts ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``."""

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        """With the keys of ``ring``."""
        self.app = app
        self.ring = ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; a valid key's name and rights go into the request's state."""
        if scope["type"] != "http" or _is_public(get_route_path(scope)):
            await self.app(scope, receive, send)
            return
        try:
            owner = self.ring.find(_key_of(Headers(scope=scope)))
        except KeyFileError as error:
            log.error("%s", error)
            response = problem_response(503, "API keys cannot be checked at the moment")
            await response(scope, receive, send)
            return
        if owner is None:
            detail = "an API key is required: send Authorization: Bearer KEY"
            challenge = {"WWW-Authenticate": 'Bearer realm="imagefinder"'}
            await problem_response(401, detail, challenge)(scope, receive, send)
            return
        name, key = owner
        state = scope.get("state", {}) | {"key_name": name, "key_writes": key.writes}
        scope["state"] = state
        await self.app(scope, receive, send)


def _is_public(path: str) -> bool:
    # routes are matched with the very same string, so a path cannot be spelled in a second way
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES)


def _key_of(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
