"""Vectors in segments: a saved one, memory-mapped from its file, and what was added since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imagefinder.errors import IndexDamaged
from imagefinder.indexes.array_file import ArrayStream, load_arrays, save_arrays
from imagefinder.indexes.scalar_quantization import COLUMNS, Int8Rows, quantized_streams
from imagefinder.indexes.segment import Segment
from imagefinder.similarity import dtype, normalized_for
from imagefinder.types import Features, Keys, Measure

_SMALL = 4 * 2**20  # bytes of vectors, below which quantization gains nothing


class SegmentedVectors:
    """The saved segment first, which may be empty, then the segments added since.

    Segments are immutable, so a search can go on with those it started with.
    """

    def __init__(self, dim: int, measure: Measure) -> None:
        """Empty, for vectors of ``dim`` columns."""
        self.dim = dim
        self.measure: Measure = measure
        empty = Segment(np.empty(0, np.int64), np.empty((0, dim), dtype(measure)))
        self._segments: tuple[Segment, ...] = (empty,)

    @property
    def keys(self) -> Keys:
        """See Index."""
        stored = np.unique(np.concatenate([segment.keys for segment in self._segments]))
        return stored[stored >= 0]

    @property
    def pending_bytes(self) -> int:
        """See Index."""
        return sum(segment.vectors.nbytes for segment in self._segments[1:])

    @property
    def saved_bytes(self) -> int:
        """See Index."""
        return self._segments[0].vectors.nbytes

    def add(self, keys: Keys, vectors: Features) -> None:
        """See Index."""
        saved, *added = self._segments
        new = Segment(np.array(keys, np.int64), normalized_for(self.measure, vectors))
        self._segments = (saved, *_merge([*added, new]))

    def remove(self, keys: Keys) -> None:
        """See Index."""
        if len(keys):
            self._segments = tuple(segment.with_tombstones(keys) for segment in self._segments)

    def save(self, path: Path) -> None:
        """See Index."""
        save_arrays(path, self._streams())
        self._segments = (self._map(path),)

    def load(self, path: Path) -> None:
        """See Index. The vectors are memory-mapped."""
        self._segments = (self._map(path),)

    def _streams(self) -> dict[str, ArrayStream]:
        """The arrays of a file; the quantized ones come last."""
        count = sum(len(keys) for keys, _ in self._blocks())
        shape = count, self.dim
        number = np.dtype(dtype(self.measure)).newbyteorder("<")
        streams = {
            "keys": ArrayStream(np.dtype("<i8"), (count,), (keys for keys, _ in self._blocks())),
            "vectors": ArrayStream(number, shape, (rows for _, rows in self._blocks())),
        }
        if self.measure == "hamming" or count * self.dim * number.itemsize < _SMALL:
            return streams
        return {**streams, **quantized_streams((rows for _, rows in self._blocks()), shape)}

    def _blocks(self) -> Iterator[tuple[Keys, Features]]:
        for segment in self._segments:
            yield from segment.blocks(segment.live)

    def _map(self, path: Path) -> Segment:
        """The saved segment, memory-mapped. Raises IndexDamaged."""
        arrays = load_arrays(path)
        keys, vectors = arrays.get("keys"), arrays.get("vectors")
        if keys is None or vectors is None or vectors.shape != (len(keys), self.dim):
            raise IndexDamaged(f"{path.name} does not hold vectors of {self.dim} columns")
        if vectors.dtype != np.dtype(dtype(self.measure)).newbyteorder("<"):
            raise IndexDamaged(f"{path.name} is for another measure")
        is_quantized = all(name in arrays for name in COLUMNS)
        quantized = Int8Rows(*(arrays[name] for name in COLUMNS)) if is_quantized else None
        return Segment(keys, vectors, quantized)


def _merge(segments: list[Segment]) -> list[Segment]:
    """Each segment at least twice the next: few segments, and each row is copied a few times."""
    while len(segments) > 1 and len(segments[-2]) < 2 * len(segments[-1]):
        *before, left, right = segments
        segments = [*before, Segment.concatenate([left, right])]
    return segments
