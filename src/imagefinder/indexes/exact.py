"""Every row compared with every query: a matrix, memory-mapped once it is saved."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO

import numpy as np

from imagefinder.errors import IndexDamaged
from imagefinder.similarity import Scores, dtype, prepared, scores
from imagefinder.types import Features, Keys, Measure, Neighbors

_BLOCK = 16 * 2**20  # bytes of the matrix compared in one step


@dataclass(frozen=True)
class _Part:
    """Rows that came together: ``vectors[i]`` lies under ``keys[i]``, -1 once it is removed."""

    keys: Keys
    vectors: Features


class Exact:
    """The nearest rows, as brute force finds them.

    A search works on the rows as they are when it begins.
    """

    def __init__(self, dim: int, measure: Measure) -> None:
        """An empty index for rows of ``dim`` columns."""
        self.dim = dim
        self.measure = measure
        # the saved part first, whether or not it has rows
        self._parts: tuple[_Part, ...] = (
            _Part(np.empty(0, np.int64), np.empty((0, dim), dtype(measure))),
        )

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
        part = _Part(np.array(keys, np.int64), prepared(self.measure, vectors))
        self._parts = (saved, *_merged([*added, part]))

    def remove(self, keys: Keys) -> None:
        """See Index."""
        self._parts = tuple(_without(part, keys) for part in self._parts)

    def search(self, queries: Features, k: int) -> Neighbors:
        """See Index."""
        queries = prepared(self.measure, queries)
        none = np.empty((len(queries), 0))
        best = Neighbors(none.astype(np.int64), none.astype(np.float32))
        for part in self._blocks():
            here = scores(self.measure, queries, part.vectors)
            keys = np.broadcast_to(part.keys, here.shape)
            best = _nearest(np.hstack([best.keys, keys]), np.hstack([best.scores, here]), k)
        return best

    def save(self, path: Path) -> None:
        """See Index: two ``.npy`` arrays in one file, the keys and then the rows."""
        blocks = self._blocks()
        keys = np.concatenate([np.empty(0, np.int64), *(block.keys for block in blocks)])
        rows = {"descr": self._row.str, "fortran_order": False, "shape": (len(keys), self.dim)}
        with NamedTemporaryFile(dir=path.parent, suffix=f".{path.name}", delete=False) as file:
            unfinished = Path(file.name)
            try:
                np.lib.format.write_array(file, keys.astype("<i8"), version=(2, 0))
                np.lib.format.write_array_header_2_0(file, rows)
                for block in blocks:
                    file.write(np.ascontiguousarray(block.vectors, self._row).data)
                file.flush()
                os.fsync(file.fileno())
                file.close()  # or Windows would not let it go to its place
                os.replace(unfinished, path)
            except BaseException:
                file.close()
                unfinished.unlink()
                raise
        self.load(path)

    def load(self, path: Path) -> None:
        """See Index. Only the keys are read; the rows are mapped."""
        try:
            self._parts = (self._mapped(path),)
        except Exception as error:  # whatever its bytes are now, they are not what was saved
            raise IndexDamaged(f"{path.name} cannot be used: {error}") from error

    def _mapped(self, path: Path) -> _Part:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            shape, _, kind = _header(file)
            if kind != np.dtype("<i8") or len(shape) != 1 or shape[0] * 8 > size:
                raise ValueError("it holds no keys")
            keys = np.fromfile(file, kind, shape[0])
            shape, _, kind = _header(file)
            if shape != (len(keys), self.dim) or kind != self._row:
                raise ValueError("it holds something else")
            begin = file.tell()
            if size != begin + len(keys) * self.dim * kind.itemsize:
                raise ValueError("its size is wrong")
            # no bytes cannot be mapped
            rows: Features = np.memmap(file, kind, "r", begin, shape) if len(keys) else _none(self)
        return _Part(keys.astype(np.int64), rows)

    @property
    def _row(self) -> np.dtype[Any]:
        return np.dtype(dtype(self.measure)).newbyteorder("<")

    def _blocks(self) -> list[_Part]:
        """The rows that are left, cut so that no block is too large to compare at once."""
        rows = max(1, _BLOCK // (4 * self.dim))
        return [
            _left(_Part(part.keys[start : start + rows], part.vectors[start : start + rows]))
            for part in self._parts
            for start in range(0, len(part.keys), rows)
        ]


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    np.lib.format.read_magic(file)
    return np.lib.format.read_array_header_2_0(file)


def _none(index: Exact) -> Features:
    return np.empty((0, index.dim), dtype(index.measure))


def _merged(parts: list[_Part]) -> list[_Part]:
    """Each part at least twice the next: few parts, and each row is copied only a few times."""
    while len(parts) > 1 and len(parts[-2].keys) < 2 * len(parts[-1].keys):
        *before, left, right = parts
        keys = np.concatenate([left.keys, right.keys])
        parts = [*before, _Part(keys, np.concatenate([left.vectors, right.vectors]))]
    return parts


def _without(part: _Part, keys: Keys) -> _Part:
    # only marked: copying what stays would bring a mapped matrix into memory
    return _Part(np.where(np.isin(part.keys, keys), -1, part.keys), part.vectors)


def _left(part: _Part) -> _Part:
    stays = part.keys >= 0
    return part if stays.all() else _Part(part.keys[stays], part.vectors[stays])


def _nearest(keys: Keys, scores: Scores, k: int) -> Neighbors:
    """The k best of each line, equal scores in order of their keys."""
    k = min(k, keys.shape[1])
    nearest = Neighbors(np.empty((len(keys), k), np.int64), np.empty((len(keys), k), np.float32))
    for line, (keys_here, scores_here) in enumerate(zip(keys, scores, strict=True)):
        nearest.keys[line], nearest.scores[line] = _line(keys_here, scores_here, k)
    return nearest


def _line(keys: Keys, scores: Scores, k: int) -> tuple[Keys, Scores]:
    if k < len(keys):
        # all that reach the k-th score, so that ties at the border are settled by key
        reached = scores >= np.partition(scores, -k)[-k]
        keys, scores = keys[reached], scores[reached]
    order = np.lexsort((keys, -scores))[:k]
    return keys[order], scores[order]
