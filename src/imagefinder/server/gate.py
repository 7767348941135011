"""A gate: how much work of one kind is done at a time, and how much may wait for it."""

from __future__ import annotations

import asyncio
from collections import deque


class GateFull(Exception):
    """Too many already wait."""


class Gate:
    """Admits in order of arrival. For one event loop, so it needs no lock."""

    def __init__(self, capacity: int, most_waiting: int) -> None:
        """A capacity of ``capacity``, of which each admission takes a part."""
        self._capacity = capacity
        self._free = capacity
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    async def enter(self, weight: int = 1) -> int:
        """Wait until ``weight`` is free; what was taken, to be given to ``leave``.

        More than the capacity counts as all of it. Raises GateFull.
        """
        weight = min(weight, self._capacity)
        if not self._waiting and weight <= self._free:
            self._free -= weight
            return weight
        if len(self._waiting) >= self._most_waiting:
            raise GateFull
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, weight))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted at the same moment
                self.leave(weight)
            else:
                self._waiting.remove((turn, weight))
                self._admit()
            raise
        return weight

    def leave(self, weight: int) -> None:
        """Make room for those who wait."""
        self._free += weight
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][1] <= self._free:
            turn, weight = self._waiting.popleft()
            self._free -= weight
            turn.set_result(None)
