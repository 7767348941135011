"""The budget of decoded bytes: how much memory all decoders of this process take at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from time import monotonic

from imagefinder._utils.concurrency import cores
from imagefinder._utils.memory import total_memory
from imagefinder.errors import DecoderBusy

_BUSY = "too many large images are being decoded at the moment: try again in a few seconds"


@dataclass(frozen=True)
class Allowance:
    """What all decoders together may take."""

    memory: int
    """Bytes."""
    kept: int
    """Of these, the bytes that only quick images get."""
    costly: int = 1
    """How many costly images are decoded at a time."""
    max_waiting: int | None = None
    """How many more of them wait; no limit if None."""
    patience: float | None = None
    """Seconds that an image waits; no limit if None."""


@dataclass
class _Lane:
    """The quick images, or the costly ones."""

    used: int = 0
    running: int = 0
    waiting: deque[object] = field(default_factory=deque)


class Budget:
    """Memory that is claimed before decoding; who finds none waits, in the order of arrival.

    Quick images and costly ones have a lane each. Quick ones never wait for costly ones, nor do
    costly ones wait for quick ones that come later: while a costly one waits, quick ones get no
    more than what is kept for them.
    """

    def __init__(self, allowance: Allowance) -> None:
        """``allowance`` may be replaced at any time, for claims to come."""
        self.allowance = allowance
        self._changed = Condition()
        self._quick, self._costly = _Lane(), _Lane()

    @property
    def used(self) -> int:
        """Bytes claimed at the moment."""
        return self._quick.used + self._costly.used

    def fits_quick(self, size: int) -> bool:
        """Whether two images of so many bytes fit into what is kept for quick ones."""
        return size <= self.allowance.kept // 2

    @contextmanager
    def claim(self, size: int, costly: bool) -> Iterator[None]:
        """Hold this much; what is larger than all there is takes all. Raises DecoderBusy."""
        lane = self._costly if costly else self._quick
        size = min(size, self._largest(lane))
        self._take(size, lane)
        try:
            yield
        finally:
            with self._changed:
                lane.used -= size
                lane.running -= 1
                self._changed.notify_all()

    def _largest(self, lane: _Lane) -> int:
        allowed = self.allowance
        return allowed.memory - allowed.kept if lane is self._costly else allowed.kept

    def _take(self, size: int, lane: _Lane) -> None:
        ticket = object()
        with self._changed:
            most = self.allowance.max_waiting
            if lane is self._costly and most is not None and len(lane.waiting) >= most:
                raise DecoderBusy(_BUSY)
            lane.waiting.append(ticket)
            try:
                self._wait(ticket, size, lane)
                lane.used += size
                lane.running += 1
            finally:
                lane.waiting.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, size: int, lane: _Lane) -> None:
        patience = self.allowance.patience
        deadline = None if patience is None else monotonic() + patience
        while lane.waiting[0] is not ticket or not self._has_room(size, lane):
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                raise DecoderBusy(_BUSY)
            self._changed.wait(left)

    def _has_room(self, size: int, lane: _Lane) -> bool:
        allowed = self.allowance
        if self.used + size > allowed.memory:
            return False
        if lane is self._costly:
            return lane.running < allowed.costly and lane.used + size <= self._largest(lane)
        return not self._costly.waiting or lane.used + size <= allowed.kept


def _usual() -> Allowance:
    """Half of the memory of this computer, but from 1 to 4 GB."""
    memory = min(max(total_memory() // 2, 2**30), 4 * 2**30)
    return Allowance(memory, memory // 2, costly=cores())


BUDGET = Budget(_usual())
"""Of this process."""
