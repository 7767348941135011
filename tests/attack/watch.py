"""Watches a server: how long its health check takes, and how much memory its processes have."""

import re
import time
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from .client import Target

_PAUSE = 0.1
_MB = 1024
_SHARE = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)


class Watch:
    """While it is entered, a health check over a new connection about every 0.1 seconds."""

    def __init__(self, target: Target, process: int) -> None:
        self._target = target
        self._process = process
        self._ends = Event()
        self._thread = Thread(target=self._run)
        self.checks = 0
        self.slowest = 0.0
        self.megabytes = 0
        self.failures: list[int] = []

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while True:  # at least one
            began = time.monotonic()
            status, _ = self._target.get("/healthz")
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.checks += 1
            if status != 200:
                self.failures.append(status)
            self.megabytes = max(self.megabytes, _resident(self._process))
            if self._ends.wait(_PAUSE):
                return


def _resident(process: int) -> int:
    """Megabytes of a process and its children; 0 where /proc is not as on Linux."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if str(process) in (folder.name, parent):
                # memory that several processes share counts once
                total += int(_SHARE.findall((folder / "smaps_rollup").read_text())[0])
        except (OSError, IndexError):  # it has ended
            continue
    return total // _MB
