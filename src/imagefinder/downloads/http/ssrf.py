"""SSRF guard: a resolver and socket factory that admit only public addresses, checked twice."""

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

_LOOKUPS = 32  # concurrent lookups: a dead name takes seconds, and getaddrinfo blocks its thread


class PublicResolver(AbstractResolver):
    """Resolves names, and opens sockets, only to allowed addresses.

    A name with even one address that is not allowed is refused as a whole.
    """

    def __init__(self, allowed: Allowed, resolve: Resolve | None = None) -> None:
        """``resolve`` replaces the system's DNS lookup."""
        self._allowed = allowed
        self._resolve = resolve or self._getaddrinfo
        self._threads = ThreadPoolExecutor(_LOOKUPS, "names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, in the form of aiohttp. Raises AddressRefused or OSError."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError("the host has no address")
        for address in addresses:
            self.check(address)
        return [_result(host, address, port) for address in dict.fromkeys(addresses)]

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for one address, checked at the last moment, whatever led here."""
        family, kind, protocol, _, address = info
        self.check(address[0])
        return socket.socket(family, kind, protocol)

    def check(self, address: str) -> None:
        """Raises AddressRefused."""
        if not self._allowed(address):
            # the address is left out: whoever gave the URL may read this
            raise AddressRefused("private-address", "its host has an address that is not public")

    async def close(self) -> None:
        """Shut the lookup threads down without waiting."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _getaddrinfo(self, host: str, port: int) -> list[str]:
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


# besides what is_global excludes: some are global by the registry but never serve images, and
# older Pythons count others as global
_REFUSED = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "168.63.129.16/32",  # internal services of a cloud, at a public address
            "192.0.0.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "::/96",  # IPv4-compatible, deprecated
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
    """Whether it is a global unicast address; an embedded IPv4 address is checked as such.

    Raises ValueError for anything but an address.
    """
    ip = ip_address(address.partition("%")[0])  # a zone may follow
    inner = _embedded(ip)
    if inner is not None:
        return is_public(str(inner))
    refused = any(ip.version == network.version and ip in network for network in _REFUSED)
    return ip.is_global and not (refused or ip.is_multicast or ip.is_reserved)


def _embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address embedded in an IPv6 one: mapped, or reached through NAT64."""
    if isinstance(ip, IPv4Address):
        return None
    return IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
