"""An immutable segment of vectors, in memory or memory-mapped; removed rows are tombstones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.scalar_quantization import Int8Rows
from imagefinder.types import Features, Keys

_BLOCK = 16 * 2**20  # bytes of vectors per block

RowNumbers = NDArray[np.intp]


@dataclass(frozen=True)
class Segment:
    """``vectors[i]`` is stored under ``keys[i]``; the key -1 is a tombstone."""

    keys: Keys
    vectors: Features
    quantized: Int8Rows | None = None

    @classmethod
    def concatenate(cls, segments: Sequence[Segment]) -> Segment:
        """All rows of several segments in their order, not quantized."""
        keys = np.concatenate([segment.keys for segment in segments])
        return cls(keys, np.concatenate([segment.vectors for segment in segments]))

    def __len__(self) -> int:
        return len(self.keys)

    def with_tombstones(self, keys: Keys) -> Segment:
        """The rows of these keys marked as removed; the vectors are shared, not copied."""
        removed = self.row_numbers(keys)
        if not len(removed):
            return self
        marked = np.array(self.keys)
        marked[removed] = -1
        return replace(self, keys=marked)

    def row_numbers(self, keys: Keys) -> RowNumbers:
        """The rows stored under any of these keys, ascending; unknown keys have none."""
        order, ordered = self._by_key
        wanted = np.unique(keys)
        first = ordered.searchsorted(wanted)
        counts = ordered.searchsorted(wanted, "right") - first
        runs = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return np.sort(order[runs])

    @cached_property
    def live(self) -> RowNumbers | None:
        """The rows that are not removed; ``None`` if that is all of them."""
        is_live = self.keys >= 0
        return None if is_live.all() else np.flatnonzero(is_live)

    def blocks(self, rows: RowNumbers | None) -> Iterator[tuple[Keys, Features]]:
        """Keys and vectors of these rows, or of all for ``None``, in blocks of bounded size."""
        step = max(1, _BLOCK // max(1, self.vectors.itemsize * self.vectors.shape[1]))
        for start in range(0, len(self) if rows is None else len(rows), step):
            block = slice(start, start + step)
            chosen = block if rows is None else rows[block]
            yield self.keys[chosen], self.vectors[chosen]

    @cached_property
    def _by_key(self) -> tuple[RowNumbers, Keys]:
        order = np.argsort(self.keys, kind="stable")
        return order, self.keys[order]
