"""Serving by several workers: what they have in common, and their supervisor."""

from __future__ import annotations

import logging
import signal
from functools import partial
from pathlib import Path
from tempfile import gettempdir

from imagefinder._utils.temporary_folder import temporary_folder
from imagefinder.server.listener import bound_socket, url_of
from imagefinder.server.log_config import log_to_stderr
from imagefinder.server.shared_folder import SharedFolder
from imagefinder.server.supervisor import Supervisor
from imagefinder.server.worker import Work
from imagefinder.server.worker_process import WorkerProcess

_GRACE = 20.0
"""Seconds in addition to those of a request: idle connections are kept for 15."""

log = logging.getLogger("imagefinder.server")


def supervise(work: Work, host: str, port: int, count: int, timeout: float) -> None:
    """Serve by ``count`` processes that each do ``work``, until a signal ends this one too.

    A request takes at most ``timeout`` seconds. Raises OSError if the address cannot be had, and
    WorkerFailed. For the main thread.
    """
    log_to_stderr()
    name = Path(gettempdir(), "imagefinder-server")
    with bound_socket(host, port) as listener, temporary_folder(name) as folder:
        shared = SharedFolder(folder)

        def start(number: int) -> WorkerProcess:
            shared.prepare()
            return WorkerProcess(number, count, work, listener, shared)

        ended_by = Supervisor(
            start,
            listener,
            count,
            timeout + _GRACE,
            partial(_say_up, url_of(listener), count),
            shared.forget,
        ).run()
    if ended_by is not None:  # as if nobody had caught it
        signal.raise_signal(ended_by)


def _say_up(url: str, count: int) -> None:
    log.info("ImageFinder is running on %s with %d workers (Ctrl-C stops it)", url, count)
