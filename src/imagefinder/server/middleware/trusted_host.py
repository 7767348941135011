"""Trusted hosts: protection against DNS rebinding."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.problems import problem_response


class TrustedHostMiddleware:
    """Answers 421 unless the Host header is one of the server's names or an IP address."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        """``*`` among the ``names`` allows any; localhost is always allowed."""
        self.app = app
        self.names = {name.lower() for name in (*names, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or self._is_trusted(Headers(scope=scope).getlist("host")):
            await self.app(scope, receive, send)
            return
        detail = "unknown host name: start the server with --host-name NAME to allow it"
        await problem_response(421, detail)(scope, receive, send)

    def _is_trusted(self, hosts: list[str]) -> bool:
        if "*" in self.names:
            return True
        if len(hosts) != 1:
            return False
        name = _without_port(hosts[0])
        return name in self.names or _is_address(name)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


def _is_address(name: str) -> bool:
    # no other site can have an IP address as its name, so DNS rebinding does not apply
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
