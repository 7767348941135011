"""Rate limiting: a token bucket per client address."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic

from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.problems import problem_response

_MAX_CLIENTS = 10_000
_UNLIMITED = ("/healthz", "/page/")


@dataclass
class _Bucket:
    tokens: float
    updated: float


class RateLimiter:
    """A number of requests per minute and client, all of which may come in one burst."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        """The 10,000 most recent clients are remembered."""
        self._capacity = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def acquire(self, client: str) -> float:
        """Take a token: 0 if there was one, else the seconds until there is one."""
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(self._capacity, now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        refilled = bucket.tokens + (now - bucket.updated) * self._capacity / 60
        bucket.tokens, bucket.updated = min(self._capacity, refilled), now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) * 60 / self._capacity
        bucket.tokens -= 1
        return 0


class RateLimitMiddleware:
    """Answers 429 above the limit. Headers that a client can set itself do not count."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        """Clients are distinguished by the address of the connection."""
        self.app = app
        self.limiter = RateLimiter(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        wait = 0.0
        if scope["type"] == "http" and not scope["path"].startswith(_UNLIMITED):
            wait = self.limiter.acquire(client_of(scope))
        if not wait:
            await self.app(scope, receive, send)
            return
        seconds = str(math.ceil(wait))
        detail = f"too many requests from this address: try again in {seconds} s"
        await problem_response(429, detail, {"Retry-After": seconds})(scope, receive, send)


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
