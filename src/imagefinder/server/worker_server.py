"""The HTTP server of a worker: uvicorn's, which can be retired without losing a request."""

from __future__ import annotations

import asyncio
import socket
from types import FrameType

import uvicorn

from imagefinder.server.acceptor import Acceptor
from imagefinder.server.connection_counts import ConnectionCounts
from imagefinder.server.listener import listen
from imagefinder.server.protocol import LimitedProtocol
from imagefinder.server.worker import ALIVE, READY, Seat

_PAUSE = 0.05
_TICKS_A_SECOND = 10


class WorkerServer(uvicorn.Server):
    """Tells the supervisor that it is ready and alive, and ends when that says so, or is gone."""

    def __init__(self, config: uvicorn.Config, seat: Seat) -> None:
        """On the socket of the seat."""
        super().__init__(config)
        self._seat = seat
        self._is_retiring = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, from the socket of the seat. Raises OSError."""
        await super().startup([])
        try:
            listen(self._seat.listener)
        except OSError:  # another server was quicker
            await super().shutdown([])
            raise
        counts = ConnectionCounts(self._seat.shared.connections)
        number = self._seat.number
        self._acceptor = Acceptor(self._seat.listener, self._connection, counts, number)
        asyncio.get_running_loop().add_reader(self._seat.link, self._hear)
        self._seat.say(READY)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, while the event loop turns."""
        self._acceptor.recount(len(self.server_state.connections))
        if counter % _TICKS_A_SECOND == 0:
            self._seat.say(ALIVE)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is begun; a worker that retires also waits for those who are connected."""
        asyncio.get_running_loop().remove_reader(self._seat.link)
        self._acceptor.close()
        self._seat.listener.close()
        await self._acceptor.wait_begun()
        if self._is_retiring:
            await self._release_connections()
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        make: type[LimitedProtocol] = self.config.http_protocol_class  # type: ignore[assignment]
        return make(self.config, self.server_state, self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: there is no more time for those who are idle."""
        self._is_retiring = False
        super().handle_exit(sig, frame)

    def _hear(self) -> None:
        # an end without a word: the supervisor was killed
        self._is_retiring = bool(self._seat.link.recv(64))
        self.should_exit = True

    async def _release_connections(self) -> None:
        """Wait until each has had its last response, or has been idle for as long as it may be.

        If idle ones were closed at once, a request that is on its way would be lost.
        """
        while self._is_retiring and self.server_state.connections:
            for connection in self.server_state.connections:
                assert isinstance(connection, LimitedProtocol)  # noqa: S101  of limited_protocol
                connection.retire()
            await asyncio.sleep(_PAUSE)
