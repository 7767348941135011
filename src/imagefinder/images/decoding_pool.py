"""Decoding processes: for images whose decoding cannot be bounded beforehand, only ended.

A thread in a decoder cannot be stopped; a process can, and what it took goes back with it. They
are started when first needed, and decode one image after another.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from threading import Lock, Timer
from typing import Any

from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images.decoding_protocol import Message, receive, send

_MODULE = "imagefinder.images.decoding_process"
_START = 60.0
"""Seconds until a process that does not answer is given up."""


class DecodingProcess:
    """One of them. Raises OSError or EOFError if it cannot be started."""

    def __init__(self) -> None:
        """Start it, and wait until it can decode."""
        self._is_late = False
        self._process = subprocess.Popen(  # noqa: S603  of our own module
            [sys.executable, "-P", "-m", _MODULE],  # -P: nothing is imported from this folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders print to it
            env=_environment(),
        )
        try:
            self._talk(None, _START)
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be given an image."""
        return self._process.poll() is None

    def ask(self, header: dict[str, Any], data: bytes, seconds: float) -> Message:
        """Its answer. Raises ImageTooLarge or UnreadableImage if it has to be ended, or ends."""
        try:
            return self._talk((header, data), seconds)
        except (OSError, EOFError) as error:
            if self._is_late:
                raise ImageTooLarge(f"takes longer than {seconds:.0f} s to decode") from error
            raise UnreadableImage(
                "damaged: its decoder crashed, or needed more memory than its size says"
            ) from error

    def end(self) -> None:
        """End it at once, and leave no zombie."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:  # what was not yet written is lost
                pass

    def disown(self) -> None:
        """In a forked process: leave it to the parent."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def _talk(self, question: Message | None, seconds: float) -> Message:
        requests, replies = self._process.stdin, self._process.stdout
        if requests is None or replies is None:
            raise EOFError
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            if question is not None:
                send(requests, *question)
            return receive(replies)
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._is_late = True
        self._process.kill()


class DecodingPool:
    """Those that wait for an image, and those that decode one. Safe for threads."""

    def __init__(self) -> None:
        """It starts none yet."""
        self._lock = Lock()
        self._idle: list[DecodingProcess] = []
        self._all: set[DecodingProcess] = set()
        self._disowned: list[DecodingProcess] = []
        self._can_start = bool(sys.executable) and not getattr(sys, "frozen", False)

    def ask(self, header: dict[str, Any], data: bytes, seconds: float) -> Message | None:
        """The answer of one of them, or None if none can be started on this computer.

        Raises ImageTooLarge after this many seconds, and UnreadableImage if the decoder crashes.
        """
        process = self._take()
        if process is None:
            return None
        try:
            reply = process.ask(header, data, seconds)
        except BaseException:
            with self._lock:
                self._all.discard(process)
            process.end()
            raise
        with self._lock:
            self._idle.append(process)
        return reply

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            processes, self._all, self._idle = self._all, set(), []
        for process in processes:
            process.end()

    def forget(self) -> None:
        """After a fork: they belong to the parent."""
        for process in self._all:
            process.disown()
        self._disowned = [*self._disowned, *self._all]  # a Popen that is deleted would complain
        self._lock, self._idle, self._all = Lock(), [], set()

    def _take(self) -> DecodingProcess | None:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive:
                    return process
                self._all.discard(process)
                process.end()
            if not self._can_start:
                return None
        try:
            process = DecodingProcess()
        except (OSError, EOFError):
            self._can_start = False
            return None
        with self._lock:
            self._all.add(process)
        return process


def _environment() -> dict[str, str]:
    """The modules of this process, and few threads: one image at a time needs no more."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


POOL = DecodingPool()
"""Of this process."""
atexit.register(POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)
