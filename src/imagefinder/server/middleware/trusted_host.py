"""Pages of other sites that make their name point here (DNS rebinding) are not answered."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.problems import problem


class Hosts:
    """Middleware: 421 unless the server is asked by a name of its own, or by its address."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        """``*`` among the ``names`` lets any pass; localhost always does."""
        self.app = app
        self.names = {name.lower() for name in (*names, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or self._is_ours(Headers(scope=scope).getlist("host")):
            await self.app(scope, receive, send)
            return
        detail = "this server does not go by this name: start it with --host-name NAME"
        await problem(421, detail)(scope, receive, send)

    def _is_ours(self, hosts: list[str]) -> bool:
        if "*" in self.names:
            return True
        return len(hosts) == 1 and (_name(hosts[0]) in self.names or _is_address(_name(hosts[0])))


def _name(host: str) -> str:
    """Without the port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


def _is_address(name: str) -> bool:
    # an address is nobody's name, so no page can have been loaded from another place under it
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
