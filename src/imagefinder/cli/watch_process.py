"""A process that keeps a catalogue in step with folders, beside the one that serves it."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from threading import Event, Thread
from typing import NoReturn

import typer

from imagefinder._utils.text import one_line_with_file
from imagefinder.cli.options import open_or_create
from imagefinder.cli.output import plain
from imagefinder.cli.terminal import prepare_streams, quiet_libraries, quiet_warnings
from imagefinder.cli.watch import print_watched
from imagefinder.errors import ImageFinderError

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
            process = context.Process(target=self.work, name="imagefinder-watch")
            try:
                process.start()
            except OSError as error:  # such as too many processes
                log.error("the watching process cannot start: %s; it is tried again", error)
            else:
                if stopped in wait([stopped, process.sentinel]):
                    process.terminate()
                    process.join()
                    return
                process.join()
                log.error("the watching process ended (%s): another one follows", process.exitcode)
            if wait([stopped], _PAUSE):
                return

    def work(self) -> None:
        """What the process does. It exits with 1, and a line on stderr, where it cannot go on."""
        quiet_warnings()
        prepare_streams()
        quiet_libraries()
        try:
            self._watch(_stopped_by_parent())
        except ImageFinderError as error:
            _fail(str(error))
        except OSError as error:
            _fail(one_line_with_file(error))

    def _watch(self, stop: Event) -> None:
        from imagefinder.watching import watch

        with open_or_create(self.db, self.encoder, list(self.options)) as finder:
            for watched in watch(finder, self.folders, stop=stop):
                with suppress(BrokenPipeError):  # nobody reads what the server prints
                    print_watched(watched)


def _fail(reason: str) -> NoReturn:
    typer.echo(f"imagefinder: watching: {plain(reason)}", err=True)
    sys.exit(1)


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
