"""Prefixes: the path below which the server appears to clients, behind a proxy or by an option."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def is_prefix(text: str) -> bool:
    """Whether it has the form of a prefix, such as ``/find``."""
    return _PREFIX.fullmatch(text) is not None


class PrefixMiddleware:
    """Serves below a fixed prefix, whether or not the proxy removes it from the path."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """Another application that mounts this one, or a proxy, may have said another prefix."""
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and not scope.get("root_path"):
            scope = below(scope, self.prefix)
        await self.app(scope, receive, send)


class ForwardedPrefixMiddleware:
    """Serves below the ``X-Forwarded-Prefix`` that a trusted proxy sends."""

    def __init__(self, app: ASGIApp, proxies: Collection[str]) -> None:
        """``proxies`` are addresses; this must see the address of the connection itself."""
        self.app = app
        self.proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and (scope.get("client") or ("",))[0] in self.proxies:
            prefix = Headers(scope=scope).get("x-forwarded-prefix", "").rstrip("/")
            if is_prefix(prefix):
                scope = below(scope, prefix)
        await self.app(scope, receive, send)


def below(scope: Scope, prefix: str) -> Scope:
    """The request as one to an application that is mounted at the prefix."""
    path = scope["path"]
    if path != prefix and not path.startswith(f"{prefix}/"):
        path = prefix + path
    return {**scope, "root_path": prefix, "path": path}
