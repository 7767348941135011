"""The folder of files that all workers of a server share while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagefinder.server.client_table import ClientTable
from imagefinder.server.connection_counts import ConnectionCounts


@dataclass(frozen=True)
class SharedFolder:
    """Made by the supervisor, who takes it away at the end."""

    path: Path

    def prepare(self) -> None:
        """Before the first worker starts."""
        self.path.chmod(0o700)
        ClientTable.create(self.clients)
        ConnectionCounts.create(self.connections)

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

    def forget(self, number: int) -> None:
        """A worker has ended: what it counted stays, what it was doing goes."""
        gauges = self.path.glob(f"gauge_live*_{number}.db")  # as prometheus_client names them
        for path in (self.pid_file(number), *gauges):
            path.unlink(missing_ok=True)
        ConnectionCounts(self.connections).put(number)
