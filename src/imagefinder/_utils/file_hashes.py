"""Hashes of files, each computed again only once its file has changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from io import BufferedReader
from threading import Lock
from typing import TypeAlias

_SETTLED_NS = 2 * 10**9

_Identity: TypeAlias = tuple[int, int, int, int, int]


class FileHashes:
    """The SHA-256 of files that were read before, the most recent ones. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hashes: OrderedDict[_Identity, bytes] = OrderedDict()
        self._lock = Lock()

    def sha256(self, stream: BufferedReader) -> bytes:
        """Of an open file, which is at its beginning before and after. Raises OSError."""
        state = os.fstat(stream.fileno())
        known = self._get(_identity(state))
        if known is not None:
            return known
        sha256 = hashlib.file_digest(stream, "sha256").digest()
        stream.seek(0)
        self._put(state, os.fstat(stream.fileno()), sha256)
        return sha256

    def _get(self, identity: _Identity) -> bytes | None:
        with self._lock:
            if identity in self._hashes:
                self._hashes.move_to_end(identity)
            return self._hashes.get(identity)

    def _put(self, before: os.stat_result, after: os.stat_result, sha256: bytes) -> None:
        """Remember it, unless the file may have changed since without a trace in its times."""
        settled = time.time_ns() - after.st_ctime_ns > _SETTLED_NS
        if not settled or _identity(before) != _identity(after):
            return
        with self._lock:
            self._hashes[_identity(before)] = sha256
            while len(self._hashes) > self._most:
                self._hashes.popitem(last=False)


def _identity(state: os.stat_result) -> _Identity:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
