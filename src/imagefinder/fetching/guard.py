"""The way from a name to a socket: only addresses that are allowed, and the very ones checked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from imagefinder.errors import AddressRefused

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host; raises OSError if there are none."""
Allowed: TypeAlias = Callable[[str], bool]
"""Whether to connect to an address."""

_LOOKUPS = 32  # at a time: a dead name takes seconds, and the system's calls know no other way


class Guard(AbstractResolver):
    """Looks names up, and opens sockets to what it found allowed.

    A name with even one address that is refused is refused as a whole.
    """

    def __init__(self, allowed: Allowed, resolve: Resolve | None = None) -> None:
        """``resolve`` stands in for the system's own way to look names up."""
        self._allowed = allowed
        self._resolve = resolve or self._by_system
        self._threads = ThreadPoolExecutor(_LOOKUPS, "names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, in the form of aiohttp. Raises AddressRefused or OSError."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError("it has no address")
        for address in addresses:
            self.check(address)
        return [_result(host, address, port) for address in dict.fromkeys(addresses)]

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for one address, checked at the last moment: whatever led here, it passes by."""
        family, kind, protocol, _, address = info
        self.check(address[0])
        return socket.socket(family, kind, protocol)

    def check(self, address: str) -> None:
        """Raises AddressRefused."""
        if not self._allowed(address):
            # which one is left out: a stranger who gave the URL may read this
            raise AddressRefused("private-address", "its host is at an address that is not public")

    async def close(self) -> None:
        """Let go of the threads, and wait for none of them."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _by_system(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        )
        return [str(address[0]) for *_, address in found]


def _result(host: str, address: str, port: int) -> ResolveResult:
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }
