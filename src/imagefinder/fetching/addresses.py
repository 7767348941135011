"""Which addresses are public: the only ones that a URL from elsewhere may lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# beside what is_global leaves out: some of these are global by the registry but are never a
# stranger's picture, and older Pythons count some of the others as global
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
