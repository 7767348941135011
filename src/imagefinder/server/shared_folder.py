"""The folder of files that all workers of a server share while it runs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagefinder.server.client_table import ClientTable
from imagefinder.server.connection_counts import ConnectionCounts


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
        for file, create in (
            (self.clients, ClientTable.create),
            (self.connections, ConnectionCounts.create),
        ):
            if not file.exists():
                create(file)

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
        gauges = self.path.glob(f"gauge_live*_{number}.db")  # as prometheus_client names them
        for path in (self.pid_file(number), *gauges):
            path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # swept away; see prepare
            ConnectionCounts(self.connections).put(number)
