"""Options of what a cluster does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterOptions:
    """Where images are encoded, and how they are divided."""

    address: str | None = None
    """Of a Ray cluster: ``ray://HOST:PORT``, ``HOST:PORT`` or ``auto``; one that is started here if
    there is none."""
    workers: int | None = None
    """How many; as many as the cluster has cores."""
    shard: int = 64
    """Images that a worker gets at a time."""
    shards_in_commit: int = 16
