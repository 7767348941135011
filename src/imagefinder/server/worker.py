"""A worker: one of the processes that serve a port together, on its own side.

It imports nothing slow: the supervisor names it, and the process itself loads what it works with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Final, TypeAlias

from imagefinder._utils.text import one_line_with_file
from imagefinder.errors import ImageFinderError
from imagefinder.server.shared_folder import SharedFolder

READY: Final = b"r"
ALIVE: Final = b"."
FAILED: Final = b"!"
"""Followed by the reason, and the end."""
RETIRE: Final = b"x"
"""From the supervisor: finish what is begun, take on nothing more, and end."""


@dataclass(frozen=True)
class Seat:
    """What the supervisor gives to a worker."""

    number: int
    """Of no other worker that lives."""
    count: int
    """How many workers there are to be."""
    listener: socket
    """Bound, but not listening: a port that refuses is better than one that does not answer."""
    link: socket
    """To the supervisor; it ends when the supervisor does."""
    shared: SharedFolder

    def say(self, message: bytes) -> None:
        """Tell the supervisor, unless it is gone or does not listen at the moment."""
        with suppress(OSError):
            self.link.send(message)


Work: TypeAlias = Callable[[Seat], None]
"""Serves until it is to end. It must be picklable, and so must what it holds."""


def run_worker(work: Work, seat: Seat) -> None:
    """The life of the process. An error that we raise on purpose is the supervisor's to tell."""
    seat.link.setblocking(False)
    try:
        work(seat)
    except ImageFinderError as error:
        _fail(seat, str(error))
    except OSError as error:
        _fail(seat, one_line_with_file(error))


def _fail(seat: Seat, reason: str) -> None:
    seat.say(FAILED + reason.encode(errors="backslashreplace"))
    sys.exit(1)
