"""The way from a name to a socket: only addresses that are allowed, and the very ones checked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
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


# beside what is_global leaves out: some of these are global by the registry but are never a
# stranger's image, and older Pythons count some of the others as global
_REFUSED = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "168.63.129.16/32",  # a cloud's own services, at a public address
            "192.0.0.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "::/96",  # IPv4-compatible, long given up
            "64:ff9b:1::/48",  # NAT64 of a local network
            "100::/64",
            "2001::/23",  # Teredo among others
            "2002::/16",  # 6to4
            "3fff::/20",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether it is a global unicast address; an IPv4 address within an IPv6 one counts as itself.

    Raises ValueError for what is no address.
    """
    ip = ip_address(address.partition("%")[0])  # a zone may follow
    inner = _within(ip)
    if inner is not None:
        return is_public(str(inner))
    refused = any(ip.version == network.version and ip in network for network in _REFUSED)
    return ip.is_global and not (refused or ip.is_multicast or ip.is_reserved)


def _within(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one only wraps: mapped, or reached through NAT64."""
    if isinstance(ip, IPv4Address):
        return None
    return IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
