"""Rate limiting: a token bucket per client address."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from time import monotonic

from starlette._utils import get_route_path  # what the routes are matched with
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.client_table import ClientTable
from imagefinder.server.problems import problem_response

_UNLIMITED = ("/healthz", "/page/")


class RateLimiter:
    """A number of requests per minute and client, all of which may come in one burst."""

    def __init__(
        self, per_minute: int, clock: Callable[[], float] = monotonic, table: Path | None = None
    ) -> None:
        """``table`` is a file of ClientTable, for a limit that several processes keep together."""
        self._capacity = per_minute
        self._clock = clock
        self._clients = ClientTable(table)

    def acquire(self, client: str) -> float:
        """Take a token: 0 if there was one, else the seconds until there is one."""
        now = self._clock()
        with self._clients.bucket(client) as bucket:
            if bucket.updated is None:  # a new client
                bucket.tokens, bucket.updated = self._capacity, now
            refilled = bucket.tokens + (now - bucket.updated) * self._capacity / 60
            bucket.tokens, bucket.updated = min(self._capacity, refilled), now
            if bucket.tokens < 1:
                return (1 - bucket.tokens) * 60 / self._capacity
            bucket.tokens -= 1
            return 0


class RateLimitMiddleware:
    """Answers 429 above the limit. Headers that a client can set itself do not count.

    A request that does the work of several takes the others' tokens by ``acquire`` of its state.
    """

    def __init__(self, app: ASGIApp, per_minute: int, table: Path | None = None) -> None:
        """Clients are distinguished by the address of the connection; see RateLimiter."""
        self.app = app
        self.limiter = RateLimiter(per_minute, table=table)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or get_route_path(scope).startswith(_UNLIMITED):
            await self.app(scope, receive, send)
            return
        acquire = partial(self.limiter.acquire, client_of(scope))
        if not (wait := acquire()):
            scope["state"] = scope.get("state", {}) | {"acquire": acquire}
            await self.app(scope, receive, send)
            return
        headers = {"Retry-After": str(math.ceil(wait))}
        await problem_response(429, too_many(wait), headers)(scope, receive, send)


def too_many(wait: float) -> str:
    """Says when to try again."""
    return f"too many requests from this address: try again in {math.ceil(wait)} s"


def client_of(scope: Scope) -> str:
    """The client's address; for IPv6 its /64 prefix, since a client chooses the other half."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else address.exploded[:19]
    return str(address)
