"""Limits of connections: how many there are, and how long and how large what they wait with is."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagefinder.server.protocol import LimitedProtocol

_MOST = 1000
_FEWEST = 16
_FILES_WANTED = 4096
# of the catalogues (three for each thread), the model and the libraries
_FILES_OF_OUR_OWN = 160


@dataclass(frozen=True)
class ConnectionLimits:
    """What a client may keep open, and for how long."""

    connections: int = _MOST
    reserve: int = 32
    """Connections above the limit, which may only ask whether the server is alive."""
    head_seconds: float = 10.0
    """From the connection, or the first byte of a further request, to the end of the head."""
    idle_seconds: int = 15
    """Between two requests."""
    write_seconds: float = 30.0
    """In which a client must take some of its response."""
    head_bytes: int = 65_536
    """Of the request line and all header fields, or of what lies between two pieces of a body."""
    target_bytes: int = 16_384
    """Of the path with its query."""
    fields: int = 100
    """Header fields of a request."""


@dataclass
class OpenConnections:
    """The connections of a server, and which of them may be closed to make room for another.

    The dictionaries are ordered sets, the longest waiting first.
    """

    limits: ConnectionLimits
    count: int = 0
    waiting: dict[LimitedProtocol, None] = field(default_factory=dict)
    """Those between requests, or whose head is not complete."""
    receiving: dict[LimitedProtocol, None] = field(default_factory=dict)
    """Those whose body is not complete."""

    @property
    def is_full(self) -> bool:
        """Whether there are more than the limit allows."""
        return self.count > self.limits.connections

    @property
    def is_overfull(self) -> bool:
        """Whether the reserve is spent as well."""
        return self.count > self.limits.connections + self.limits.reserve

    def make_room(self) -> None:
        """Close the connection that has waited longest with nothing to do, if there are too many.

        One that was opened just now is spared while the reserve lasts: its request is on its way.
        """
        if not self.is_full:
            return
        for connections in (self.waiting, self.receiving):
            oldest = next(iter(connections), None)
            if oldest is not None and (self.is_overfull or not oldest.is_recent):
                oldest.drop()
                return


def affordable_connections() -> int:
    """As many as the limit of open files allows, which is raised as far as it may be."""
    if sys.platform == "win32":
        return _MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return _MOST
    # half of them for the files that large uploads are kept in
    return max(_FEWEST, min(_MOST, (soft - _FILES_OF_OUR_OWN) // 2))
