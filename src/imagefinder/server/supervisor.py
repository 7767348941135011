"""The supervisor: starts the workers of a server, watches them, and replaces them one by one."""

from __future__ import annotations

import logging
import selectors
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from imagefinder._utils.text import one_line
from imagefinder.errors import ImageFinderError
from imagefinder.server.hangup import has_terminal, terminal_is_gone
from imagefinder.server.worker_process import WorkerProcess

_TICK = 1.0
_MOST_SILENCE = 60
"""Ticks; an event loop that does not turn for so long serves nobody."""
_ENDS = (signal.SIGINT, signal.SIGTERM)

log = logging.getLogger("imagefinder.server")


class WorkerFailed(ImageFinderError):
    """A worker cannot start, and no other would either."""


class Supervisor:
    """Keeps ``count`` workers at work.

    The first one starts alone: what is wrong is said once, and what it prepares (a compiled graph,
    an index) the others find. A worker that dies is replaced. One that cannot start is not tried
    again: it ends the server when that starts, and later leaves it with those that there are.
    """

    def __init__(
        self,
        start: Callable[[int], WorkerProcess],
        listener: socket.socket,
        count: int,
        patience: float,
        on_up: Callable[[], None],
        on_end: Callable[[int], None],
    ) -> None:
        """``start`` makes the worker of a number.

        ``listener`` is closed when the end begins: who comes then is refused and need not wait. A
        worker that is to end is killed after ``patience`` seconds. ``on_up`` is called once all are
        ready for the first time, ``on_end`` with the number of each that has ended.
        """
        self._start_worker, self._listener = start, listener
        self._count = self._wanted = count
        self._patience = patience
        self._on_up, self._on_end = on_up, on_end
        self._workers: list[WorkerProcess] = []
        self._outdated: deque[WorkerProcess] = deque()
        self._replacement: WorkerProcess | None = None
        self._has_served = self._is_up = self._is_restarting = False
        self._ended_by: int | None = None
        self._failure: str | None = None
        self._selector = selectors.DefaultSelector()
        self._has_terminal = has_terminal()

    def run(self) -> int | None:
        """Until a signal ends it, which is returned. Raises WorkerFailed.

        A rolling restart at SIGHUP; SIGINT and SIGTERM end all workers, a second SIGINT at once.
        """
        with _signals() as signals, self._selector:
            self._selector.register(signals, selectors.EVENT_READ)
            try:
                self._loop(signals)
            finally:
                for worker in self._workers:
                    worker.kill()
                    worker.reap()
        if self._failure is not None:
            raise WorkerFailed(self._failure)
        return self._ended_by

    def _loop(self, signals: socket.socket) -> None:
        self._act()
        next_tick = monotonic() + _TICK
        while self._workers:
            for key, _ in self._selector.select(max(0.0, next_tick - monotonic())):
                if key.fileobj is signals:
                    for number in signals.recv(64):
                        self._receive(number)
                else:
                    self._attend(key)
            if monotonic() >= next_tick:
                # a tick, however long ago the last one was: after a pause nobody is late
                next_tick = monotonic() + _TICK
                self._tick()
            self._act()

    @property
    def _is_ending(self) -> bool:
        return self._ended_by is not None or self._failure is not None

    def _act(self) -> None:
        """Start whatever workers there should be."""
        if self._is_ending:
            return
        staying = sum(not worker.is_leaving for worker in self._workers)
        for _ in range(staying, self._wanted if self._has_served else 1):
            if self._start() is None:
                return
        if not self._is_restarting or not all(
            worker.is_ready and not worker.is_leaving for worker in self._workers
        ):
            return
        if self._outdated:
            self._replacement = self._start(is_replacement=True)
        else:
            self._is_restarting = False
            log.info("all workers have been replaced")

    def _start(self, *, is_replacement: bool = False) -> WorkerProcess | None:
        taken = {worker.number for worker in self._workers}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        try:
            worker = self._start_worker(number)
        except OSError as error:  # such as too many processes or open files
            self._give_up(f"a worker cannot start: {one_line(error)}", is_replacement)
            return None
        self._workers.append(worker)
        self._selector.register(worker.link, selectors.EVENT_READ, worker)
        self._selector.register(worker.sentinel, selectors.EVENT_READ, worker)
        return worker

    def _attend(self, key: selectors.SelectorKey) -> None:
        worker: WorkerProcess = key.data
        if worker not in self._workers:  # what it said last and its end came together
            return
        if key.fileobj is not worker.link:
            self._bury(worker)
            return
        was_ready = worker.is_ready
        if not worker.hear():
            self._selector.unregister(worker.link)
        if worker.is_ready and not was_ready:
            self._welcome(worker)

    def _welcome(self, worker: WorkerProcess) -> None:
        self._has_served = True
        ready = sum(one.is_ready for one in self._workers)
        if not self._is_up and ready == self._count:
            self._is_up = True
            self._on_up()
        if worker is self._replacement:
            self._replacement = None
            if self._outdated:
                self._outdated.popleft().retire(self._patience)

    def _bury(self, worker: WorkerProcess) -> None:
        self._workers.remove(worker)
        if worker.link in self._selector.get_map():
            self._selector.unregister(worker.link)
        self._selector.unregister(worker.sentinel)
        ending = worker.reap()
        self._on_end(worker.number)
        if worker in self._outdated:
            self._outdated.remove(worker)
        if self._is_ending or worker.is_leaving:
            return
        if worker.is_ready:
            log.error("worker %d ended (%s): another one takes its place", worker.pid, ending)
        else:
            reason = worker.failure or f"a worker cannot start: {ending}"
            self._give_up(reason, worker is self._replacement)

    def _give_up(self, reason: str, is_replacement: bool) -> None:
        staying = sum(not one.is_leaving for one in self._workers)
        if not self._is_up or not staying:
            self._failure = reason
            self._end_all()
        elif is_replacement:
            self._replacement, self._is_restarting = None, False
            self._outdated.clear()
            log.error("%s: the workers of before go on", reason)
        else:
            self._wanted = staying
            log.error("%s: %d of %d workers go on, until SIGHUP", reason, staying, self._count)

    def _receive(self, number: int) -> None:
        if number in _ENDS:
            if number == signal.SIGINT and self._ended_by is not None:
                for worker in self._workers:
                    worker.kill()
            self._ended_by = number
            self._end_all()
        elif self._has_terminal and terminal_is_gone():
            self._ended_by = number
            self._end_all()
        elif self._is_up and not self._is_ending:
            log.info("SIGHUP: the workers are replaced one by one")
            self._wanted = self._count
            self._is_restarting = True
            self._outdated = deque(one for one in self._workers if not one.is_leaving)
            if self._replacement is not None:
                self._outdated.remove(self._replacement)

    def _end_all(self) -> None:
        self._listener.close()
        for worker in self._workers:
            worker.terminate(self._patience)

    def _tick(self) -> None:
        for worker in self._workers:
            worker.silence += worker.is_ready and not worker.is_leaving
            if worker.silence > _MOST_SILENCE or worker.is_late:
                log.error("worker %d does not respond, and is killed", worker.pid)
                worker.kill()


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that gives the number of each signal as a byte. For the main thread."""
    wanted = {*_ENDS, signal.SIGHUP}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
        wanted.remove(signal.SIGHUP)
    reader, writer = socket.socketpair()
    before: dict[signal.Signals, Any] = {}
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            for one in wanted:
                before[one] = signal.signal(one, lambda *_: None)
            yield reader
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
            signal.set_wakeup_fd(wakeup)
