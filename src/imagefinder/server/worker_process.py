"""A worker as its supervisor sees it: a process, and a socket to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from imagefinder.server.shared_folder import SharedFolder
from imagefinder.server.worker import FAILED, READY, RETIRE, Seat, Work, run_worker

# threads of the inference runtime and of the event loop do not survive a fork
_SPAWN = multiprocessing.get_context("spawn")
_MOST_BYTES = 65_536


class WorkerProcess:
    """Started when it is made. It is ready once it says so."""

    def __init__(
        self, number: int, count: int, work: Work, listener: socket.socket, shared: SharedFolder
    ) -> None:
        """See Seat."""
        self.number = number
        self.is_ready = False
        self.is_leaving = False
        self.failure = ""
        """Why it could not start, in its own words."""
        self.silence = 0
        """Ticks since it was last heard of."""
        self._leave_by = float("inf")
        self.link, theirs = socket.socketpair()
        self.link.setblocking(False)
        with theirs, _without_signals():
            seat = Seat(number, count, listener, theirs, shared)
            self._process = _SPAWN.Process(
                target=run_worker, args=(work, seat), name=f"imagefinder worker {number}"
            )
            self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def sentinel(self) -> int:
        """A descriptor that can be read once it has ended."""
        return self._process.sentinel

    @property
    def is_late(self) -> bool:
        """Whether it has not ended in time."""
        return monotonic() > self._leave_by

    def hear(self) -> bool:
        """Take in what it has said; False if it will say nothing more."""
        try:
            while said := self.link.recv(_MOST_BYTES):
                self.silence = 0
                told, failed, reason = said.partition(FAILED)
                self.is_ready = self.is_ready or READY in told
                self.failure += reason.decode(errors="replace") if failed else ""
        except BlockingIOError:
            return True
        except OSError:  # it was killed before it read what it was told
            pass
        return False

    def retire(self, seconds: float) -> None:
        """Let it answer those who are connected, and end."""
        self._leave(seconds)
        with suppress(OSError):
            self.link.send(RETIRE)

    def terminate(self, seconds: float) -> None:
        """Let it finish the requests that it has, and end."""
        self._leave(seconds)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def reap(self) -> str:
        """How it ended, in words. Waits until it has."""
        self._process.join()
        self.hear()
        self.link.close()
        code = self._process.exitcode or 0
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def _leave(self, seconds: float) -> None:
        self.is_leaving = True
        self._leave_by = monotonic() + seconds


@contextmanager
def _without_signals() -> Iterator[None]:
    """Ctrl-C and a hangup reach every process of a terminal; workers inherit that they are blocked.

    The supervisor alone acts on them, and what comes meanwhile is delivered to it afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
