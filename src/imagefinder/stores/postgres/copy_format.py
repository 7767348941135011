"""The binary format of COPY for rows of vectors, which all have one length: no loop in Python.

A file is a header, rows, and -1 as a 16-bit integer. A row is its number of fields, and for each
its length in bytes and its bytes, all big-endian. pgvector sends a vector as its dimensions, a
zero, and floats; PostgreSQL sends bits as their number and bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from imagefinder.similarity import dtype
from imagefinder.types import Features, Keys, Recipe

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = _SIGNATURE + bytes(8)
_TRAILER = b"\xff\xff"


@dataclass(frozen=True)
class VectorFormat:
    """Rows of key, row and vector."""

    recipe: Recipe

    @property
    def row(self) -> np.dtype[np.void]:
        """The bytes of one row."""
        dim = self.recipe.dim
        is_bits = self.recipe.measure == "hamming"
        about = [("bits", ">i4")] if is_bits else [("dim", ">i2"), ("unused", ">i2")]
        values = ("vector", "u1", (dim,)) if is_bits else ("vector", ">f4", (dim,))
        fields = [("key", ">i8"), ("row", ">i4")]
        columns = [part for field in fields for part in ((f"{field[0]}_length", ">i4"), field)]
        return np.dtype([("fields", ">i2"), *columns, ("length", ">i4"), *about, values])

    def encode(self, keys: Keys, rows: Keys, vectors: Features) -> bytes:
        """Vectors as COPY takes them, each with its key and its row."""
        data = np.zeros(len(vectors), self.row)
        data["fields"], data["key_length"], data["row_length"] = 3, 8, 4
        data["key"], data["row"], data["vector"] = keys, rows, vectors
        data["length"] = 4 + data["vector"].itemsize * self.recipe.dim
        if self.recipe.measure == "hamming":
            data["bits"] = 8 * self.recipe.dim
        else:
            data["dim"] = self.recipe.dim
        return _HEADER + data.tobytes() + _TRAILER

    def decode(self, parts: Iterable[bytes]) -> Iterator[tuple[Keys, Keys, Features]]:
        """Keys, rows and vectors, in pieces of whole rows. Raises ValueError."""
        own, rest, is_started = self.row, b"", False
        buffer: list[bytes] = []
        size = 0
        for part in parts:
            buffer.append(part)
            size += len(part)
            if size >= _PIECE:
                rest, is_started = self._started(b"".join(buffer), is_started)
                whole = len(rest) // own.itemsize * own.itemsize
                yield self._rows(rest[:whole])
                buffer, size = [rest[whole:]], len(rest) - whole
        rest, _ = self._started(b"".join(buffer), is_started)
        if not rest.endswith(_TRAILER):
            raise ValueError("the vectors end too early")
        yield self._rows(rest[: -len(_TRAILER)])

    @staticmethod
    def _started(data: bytes, is_started: bool) -> tuple[bytes, bool]:
        if not is_started and not data.startswith(_HEADER):
            raise ValueError("these are no vectors")
        return data if is_started else data[len(_HEADER) :], True

    def _rows(self, data: bytes) -> tuple[Keys, Keys, Features]:
        found = np.frombuffer(data, self.row)
        vectors = found["vector"].astype(dtype(self.recipe.measure))
        if not np.isfinite(vectors).all():
            raise ValueError("vectors are not finite")
        return found["key"].astype(np.int64), found["row"].astype(np.int64), vectors


_PIECE = 4 * 2**20  # bytes
