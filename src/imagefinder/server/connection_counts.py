"""How many connections each worker of a server has, in memory that they share."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path
from struct import Struct

_MOST_WORKERS = 1024
_COUNT = Struct("<i")
_NOBODY = 2**31 - 1


class ConnectionCounts:
    """A file that all map, and of which each writes a place of its own: it needs no lock."""

    def __init__(self, file: Path) -> None:
        """A file that ``create`` made."""
        with file.open("r+b") as content:
            self._memory = mmap(content.fileno(), 0)

    @staticmethod
    def create(file: Path) -> None:
        """For workers that are to come."""
        file.write_bytes(_COUNT.pack(_NOBODY) * _MOST_WORKERS)

    def put(self, number: int, count: int = _NOBODY) -> None:
        """What a worker has; without a count it takes no connections any more."""
        _COUNT.pack_into(self._memory, number % _MOST_WORKERS * _COUNT.size, count)

    def fewest(self) -> int:
        """Of the worker that has fewest."""
        counts: list[tuple[int]] = list(_COUNT.iter_unpack(self._memory))
        return min(counts)[0]
