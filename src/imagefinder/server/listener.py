"""The socket that a server listens on."""

from __future__ import annotations

import os
import socket
from typing import Final

BACKLOG: Final = 2048
"""Connections that wait to be accepted."""


def bound_socket(host: str, port: int) -> socket.socket:
    """A TCP socket bound to an address, not listening yet. Raises OSError, which names it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows it would share the port with another server
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # asyncio does this only for sockets that name their protocol; without it, Nagle's
        # algorithm delays responses by 40 ms
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _at(error, host, port) from error
    return bound


def listen(bound: socket.socket) -> None:
    """Begin to listen on a bound socket. Raises OSError, which names its address.

    Two may be bound to one address; only the first can listen.
    """
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        raise _at(error, *bound.getsockname()[:2]) from error


def url_of(listener: socket.socket) -> str:
    """The address of a bound socket, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _at(error: OSError, host: str, port: int) -> OSError:
    return OSError(error.errno, f"{error.strerror} ({host}:{port})")
