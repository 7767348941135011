"""The table of clients: a token bucket each, in memory that several processes may share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from mmap import mmap
from pathlib import Path
from struct import Struct

if sys.platform != "win32":
    import fcntl

_SECRET = 16
_ENTRY = Struct("<Qdd")
"""The client's hash, its tokens, and when they were counted."""
_ROWS = 2048
_PLACES = 8
_ROW = _PLACES * _ENTRY.size
_SIZE = _SECRET + _ROWS * _ROW


@dataclass
class Bucket:
    """What a client has left."""

    tokens: float = 0.0
    updated: float | None = None
    """When; None for a client that is not known."""


class ClientTable:
    """Some 16,000 clients, by a hash: each has eight places, where the longest silent makes room.

    Each row of places has a lock, which the system releases if its holder dies. For one thread of
    each process.
    """

    def __init__(self, file: Path | None = None) -> None:
        """A table that ``create`` made and others use too, or one of its own."""
        self._descriptor: int | None = None
        if file is None:
            self._memory = mmap(-1, _SIZE)
            self._memory[:_SECRET] = os.urandom(_SECRET)
        else:
            self._descriptor = os.open(file, os.O_RDWR)
            self._memory = mmap(self._descriptor, _SIZE)
        # so that nobody can choose addresses that share places with another's
        self._secret = self._memory[:_SECRET]

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    @staticmethod
    def create(file: Path) -> None:
        """An empty table for several processes."""
        file.write_bytes(os.urandom(_SECRET) + bytes(_SIZE - _SECRET))

    @contextmanager
    def bucket(self, client: str) -> Iterator[Bucket]:
        """A client's bucket, kept from other processes while it is changed."""
        hashed = blake2b(client.encode(errors="replace"), digest_size=8, key=self._secret).digest()
        number = int.from_bytes(hashed, "little") or 1  # 0 is an empty place
        start = _SECRET + number % _ROWS * _ROW
        with self._locked(start):
            entries = list(_ENTRY.iter_unpack(self._memory[start : start + _ROW]))
            found = next((n for n, (other, _, _) in enumerate(entries) if other == number), None)
            if found is None:
                place = min(range(_PLACES), key=lambda n: (entries[n][0] != 0, entries[n][2]))
                bucket = Bucket()
            else:
                place = found
                bucket = Bucket(*entries[found][1:])
            yield bucket
            if bucket.updated is None:
                return
            offset = start + place * _ENTRY.size
            _ENTRY.pack_into(self._memory, offset, number, bucket.tokens, bucket.updated)

    @contextmanager
    def _locked(self, start: int) -> Iterator[None]:
        if self._descriptor is None:
            yield
            return
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, _ROW, start)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, _ROW, start)
