"""SIGHUP: a terminal that has been closed, or somebody who asks for a restart."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("imagefinder.server")


def has_terminal() -> bool:
    """Whether this was started in one that is there now."""
    return bool(sys.stdin) and sys.stdin.isatty()


def terminal_is_gone() -> bool:
    """Whether a hangup means what it says: the terminal that this was started in is closed."""
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return True
    return False


@contextmanager
def hangups(end: Callable[[], None]) -> Iterator[None]:
    """A single process outlives SIGHUP, and says what to do; a closed terminal calls ``end``."""
    is_main = threading.current_thread() is threading.main_thread()
    if sys.platform == "win32" or not is_main:
        yield
        return
    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_DFL:  # nohup, or a program of its own
        yield
        return
    had_terminal = has_terminal()

    def receive(*_: object) -> None:
        if had_terminal and terminal_is_gone():
            end()
        else:
            log.warning("SIGHUP: one process cannot replace itself, and goes on: restart it")

    signal.signal(signal.SIGHUP, receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
