"""How many requests one client may make: a bucket of tokens that fills again with time."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic

from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder.server.problems import problem

_CLIENTS = 10_000
_FREE = ("/healthz", "/page/")


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rate:
    """So many requests a minute for each client, of which all may come at once."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = monotonic) -> None:
        """The clients that were last heard of are remembered, 10,000 of them."""
        self._most = a_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; 0, or if there is none, the seconds until there is one."""
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(self._most, now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        refilled = bucket.tokens + (now - bucket.at) * self._most / 60
        bucket.tokens, bucket.at = min(self._most, refilled), now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) * 60 / self._most
        bucket.tokens -= 1
        return 0


class RateLimit:
    """Middleware: 429 for who asks too often. Nothing that a client says of itself counts."""

    def __init__(self, app: ASGIApp, a_minute: int) -> None:
        """By the address that the connection comes from."""
        self.app = app
        self.rate = Rate(a_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        wait = 0.0
        if scope["type"] == "http" and not scope["path"].startswith(_FREE):
            wait = self.rate.wait(client_of(scope))
        if not wait:
            await self.app(scope, receive, send)
            return
        seconds = str(math.ceil(wait))
        detail = f"too many requests from this address: go on in {seconds} s"
        await problem(429, detail, {"Retry-After": seconds})(scope, receive, send)


def client_of(scope: Scope) -> str:
    """Its address; of IPv6 the first half, for the other is free to choose for anyone."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else address.exploded[:19]
    return str(address)
