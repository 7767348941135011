"""The rows that an index holds: added, removed, saved in one file and mapped from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imagefinder.errors import IndexDamaged
from imagefinder.indexes.array_file import Mapped, Streamed, load_arrays, save_arrays
from imagefinder.indexes.scalar_quantization import CODES, Codes, streamed
from imagefinder.indexes.segment import Part
from imagefinder.similarity import dtype, normalized_for
from imagefinder.types import Features, Keys, Measure

_SMALL = 4 * 2**20  # bytes of rows, for which codes gain nothing


class Matrix:
    """Parts of rows: what was saved first, whether or not it has rows, then what was added since.

    Parts never change, so that who has taken hold of them can go on with them.
    """

    def __init__(self, dim: int, measure: Measure) -> None:
        """Empty, for rows of ``dim`` columns."""
        self.dim = dim
        self.measure: Measure = measure
        none = Part(np.empty(0, np.int64), np.empty((0, dim), dtype(measure)))
        self._parts: tuple[Part, ...] = (none,)

    @property
    def keys(self) -> Keys:
        """See Index."""
        held = np.unique(np.concatenate([part.keys for part in self._parts]))
        return held[held >= 0]

    @property
    def pending_bytes(self) -> int:
        """See Index."""
        return sum(part.vectors.nbytes for part in self._parts[1:])

    @property
    def saved_bytes(self) -> int:
        """See Index."""
        return self._parts[0].vectors.nbytes

    def add(self, keys: Keys, vectors: Features) -> None:
        """See Index."""
        saved, *added = self._parts
        part = Part(np.array(keys, np.int64), normalized_for(self.measure, vectors))
        self._parts = (saved, *_merged([*added, part]))

    def remove(self, keys: Keys) -> None:
        """See Index."""
        if len(keys):
            self._parts = tuple(part.without(keys) for part in self._parts)

    def save(self, path: Path) -> None:
        """See Index."""
        save_arrays(path, self._columns())
        self._map(path)

    def load(self, path: Path) -> None:
        """See Index. The rows are mapped, not read into memory."""
        self._map(path)

    def _map(self, path: Path) -> None:
        self._parts = (self._saved(load_arrays(path), path),)

    def _columns(self) -> dict[str, Streamed]:
        """What a file holds; codes come last, for they are made when the rows are written."""
        count = sum(len(keys) for keys, _ in self._blocks())
        shape = count, self.dim
        row = np.dtype(dtype(self.measure)).newbyteorder("<")
        columns = {
            "keys": Streamed(np.dtype("<i8"), (count,), (keys for keys, _ in self._blocks())),
            "vectors": Streamed(row, shape, (rows for _, rows in self._blocks())),
        }
        if self.measure == "hamming" or count * self.dim * row.itemsize < _SMALL:
            return columns
        return {**columns, **streamed((rows for _, rows in self._blocks()), shape)}

    def _blocks(self) -> Iterator[tuple[Keys, Features]]:
        for part in self._parts:
            yield from part.blocks(part.left)

    def _saved(self, arrays: Mapped, path: Path) -> Part:
        keys, vectors = arrays.get("keys"), arrays.get("vectors")
        if keys is None or vectors is None or vectors.shape != (len(keys), self.dim):
            raise IndexDamaged(f"{path.name} holds something else")
        if vectors.dtype != np.dtype(dtype(self.measure)).newbyteorder("<"):
            raise IndexDamaged(f"{path.name} is for another measure")
        coded = all(name in arrays for name in CODES)
        return Part(keys, vectors, Codes(*(arrays[name] for name in CODES)) if coded else None)


def _merged(parts: list[Part]) -> list[Part]:
    """Each part at least twice the next: few parts, and each row is copied only a few times."""
    while len(parts) > 1 and len(parts[-2]) < 2 * len(parts[-1]):
        *before, left, right = parts
        parts = [*before, Part.joined([left, right])]
    return parts
