"""The Model Context Protocol over HTTP (streamable HTTP), as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

_NO_SECOND_CHECK = TransportSecuritySettings(enable_dns_rebinding_protection=False)


class HttpEndpoint:
    """Answers each request by itself, in JSON: there are no sessions, so any process may answer.

    Who may ask, by which host name and from which page, is checked by the server that it is in.
    """

    def __init__(self, server: MCPServer, path: str, max_bytes: int) -> None:
        """At ``path``, for bodies of at most so many bytes."""
        self._server = server
        self._path = path
        self._max_bytes = max_bytes

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Handle a request."""
        app = self._server.streamable_http_app(  # an own one: it lives as long as its lifespan
            streamable_http_path=self._path,
            stateless_http=True,
            json_response=True,
            max_request_body_size=self._max_bytes,
            transport_security=_NO_SECOND_CHECK,
        )
        async with app.router.lifespan_context(app):
            await app({**scope}, receive, send)
