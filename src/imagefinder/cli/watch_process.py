"""A process that keeps a catalogue in step with folders, beside the one that serves it."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from threading import Event, Thread

from imagefinder.cli.options import open_or_create
from imagefinder.cli.terminal import prepare_streams, quiet_libraries, quiet_warnings
from imagefinder.cli.watch import print_watched

_PAUSE = 10.0  # seconds before a process that has ended is started again

log = logging.getLogger("imagefinder.server")


@dataclass(frozen=True)
class WatchProcess:
    """What it watches, and for which catalogue; created if it is missing."""

    folders: Sequence[str]
    db: str
    encoder: str | None = None
    options: Sequence[str] = ()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Until the end. It is started again if it ends before; it ends with this process."""
        receiver, sender = multiprocessing.Pipe(duplex=False)
        keeper = Thread(target=self._keep, args=(receiver,), name="watch")
        keeper.start()
        try:
            yield
        finally:
            sender.close()
            keeper.join()
            receiver.close()

    def _keep(self, stopped: multiprocessing.connection.Connection) -> None:
        """Until the other end of a pipe is closed."""
        context = multiprocessing.get_context("spawn")
        while True:
            process = context.Process(target=self._work, name="imagefinder-watch")
            process.start()
            if stopped in wait([stopped, process.sentinel]):
                process.terminate()
                process.join()
                return
            process.join()
            log.error("the watching process ended (%s): another one follows", process.exitcode)
            if wait([stopped], _PAUSE):
                return

    def _work(self) -> None:
        quiet_warnings()
        prepare_streams()
        quiet_libraries()
        from imagefinder.watching import watch

        stop = _stopped_by_parent()
        with open_or_create(self.db, self.encoder, list(self.options)) as finder:
            for watched in watch(finder, self.folders, stop=stop):
                print_watched(watched)


def _stopped_by_parent() -> Event:
    """Set by SIGTERM, or when the parent has ended; what a terminal sends to all is ignored."""
    stop = Event()
    for one in ("SIGINT", "SIGHUP"):
        if hasattr(signal, one):
            signal.signal(getattr(signal, one), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    parent = multiprocessing.parent_process()

    def follow_parent() -> None:
        if parent is not None:
            parent.join()
        stop.set()

    Thread(target=follow_parent, daemon=True).start()
    return stop
