"""The folder of files that all workers of a server share while it runs."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imagefinder._utils.disk_space import is_full, reserve
from imagefinder.errors import DiskFull
from imagefinder.server.client_table import ClientTable
from imagefinder.server.connection_counts import ConnectionCounts

_METRICS: Final = ("counter", "gauge_livesum", "histogram")  # as prometheus_client names them
_ROOM: Final = 2**18
"""Bytes of each: all routes with a dozen methods and outcomes take half of it."""


@dataclass(frozen=True)
class SharedFolder:
    """Made by the supervisor, who takes it away at the end."""

    path: Path

    def prepare(self) -> None:
        """Before a worker starts: make what is missing, at first or since it was swept away.

        Temporary folders are cleaned at times, and nothing of this one looks as if it were in use.
        """
        self.path.mkdir(exist_ok=True)
        self.path.chmod(0o700)
        _make(self.clients, ClientTable.create)
        _make(self.connections, ConnectionCounts.create)

    def reserve_metrics(self, number: int) -> None:
        """Make room for all that a worker will count.

        ``prometheus_client`` maps files that have none: where the disk is full by then, the first
        count on a new page ends the process, and that of the worker in its place, too. Raises
        OSError.
        """
        for kind in _METRICS:
            _make(self.path / f"{kind}_{number}.db", _reserve)

    @property
    def clients(self) -> Path:
        """The file of the rate limits; see ClientTable."""
        return self.path / "clients"

    @property
    def connections(self) -> Path:
        """The file of how many connections each worker has."""
        return self.path / "connections"

    def pid_file(self, number: int) -> Path:
        """Where the worker of that number writes its process id."""
        return self.path / f"{number}.pid"

    def pid_files(self) -> list[Path]:
        """Of all workers that live."""
        return sorted(self.path.glob("*.pid"))

    def metric_files(self) -> list[str]:
        """Of ``prometheus_client``, but for those that a worker has just begun to make."""
        found = []
        for path in self.path.glob("*.db"):
            with suppress(FileNotFoundError):  # of one that has just ended
                if path.stat().st_size:
                    found.append(str(path))
        return found

    def forget(self, number: int) -> None:
        """A worker has ended: what it counted stays, what it was doing goes."""
        self.pid_file(number).unlink(missing_ok=True)
        for gauge in self.path.glob(f"gauge_live*_{number}.db"):  # as prometheus_client names them
            _clear(gauge)
        with suppress(FileNotFoundError):  # swept away; see prepare
            ConnectionCounts(self.connections).put(number)


def _make(file: Path, create: Callable[[Path], None]) -> None:
    """Unless it is there; nothing is left of one that fails. Raises OSError."""
    if file.exists():
        return
    try:
        create(file)
    except (OSError, DiskFull) as error:
        file.unlink(missing_ok=True)
        if isinstance(error, DiskFull) or is_full(error):
            place = file.parent.parent
            text = f"no space for temporary files in {place}: free some, or set TMPDIR"
            raise OSError(errno.ENOSPC, text) from error
        raise


def _reserve(file: Path) -> None:
    with file.open("xb") as written:
        reserve(written.fileno(), _ROOM, file.parent)


def _clear(file: Path) -> None:
    """What is in it goes, its room on the disk stays."""
    with file.open("r+b") as content:
        content.write(bytes(file.stat().st_size))
