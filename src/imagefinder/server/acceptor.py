"""Accepting connections beside other workers: whoever has fewest takes the next one."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import TimerHandle
from collections.abc import Callable

from imagefinder.server.connection_counts import ConnectionCounts

_POLITENESS = 0.005
"""Seconds in which a worker with fewer connections may take the one that waits."""
_PAUSE = 1.0

log = logging.getLogger("imagefinder.server")


class Acceptor:
    """Accepts from a listening socket that other processes accept from too.

    Left to themselves, whoever wakes up first would take most of what comes together, and clients
    keep their connections.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        counts: ConnectionCounts,
        number: int,
    ) -> None:
        """``protocol`` makes that of a connection; ``number`` is the worker's place in counts."""
        self._listener = listener
        self._protocol = protocol
        self._counts = counts
        self._number = number
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self._timer: TimerHandle | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        self._counts.put(number, 0)
        self._listen()

    def recount(self, connections: int) -> None:
        """So many there are now."""
        self._count = connections + len(self._beginning)
        self._counts.put(self._number, self._count)

    def close(self) -> None:
        """Accept no more."""
        self._counts.put(self._number)
        self._loop.remove_reader(self._listener)
        if self._timer is not None:
            self._timer.cancel()

    async def wait_begun(self) -> None:
        """Wait for connections that were accepted just now."""
        await asyncio.gather(*self._beginning)

    def _listen(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listener, self._attend)

    def _attend(self) -> None:
        if self._count > self._counts.fewest():
            self._pause(_POLITENESS, self._accept_late)
        else:
            self._accept()

    def _accept_late(self) -> None:
        self._listen()
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker has it, or the client has left
        except OSError as error:  # too many open files
            log.error("cannot accept a connection: %s", error)
            self._pause(_PAUSE, self._listen)
            return
        self._count += 1
        self._counts.put(self._number, self._count)
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(seconds, then)

    async def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        await self._loop.connect_accepted_socket(self._protocol, connection)
