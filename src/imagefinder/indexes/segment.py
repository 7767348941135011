"""Rows that came together, in memory or mapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.scalar_quantization import Codes
from imagefinder.types import Features, Keys

_BLOCK = 16 * 2**20  # bytes of rows looked at in one step

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """``vectors[i]`` lies under ``keys[i]``, -1 once it is removed."""

    keys: Keys
    vectors: Features
    codes: Codes | None = None

    @classmethod
    def joined(cls, parts: Sequence[Part]) -> Part:
        """All rows of several, in their order, without codes."""
        keys = np.concatenate([part.keys for part in parts])
        return cls(keys, np.concatenate([part.vectors for part in parts]))

    def __len__(self) -> int:
        return len(self.keys)

    def without(self, keys: Keys) -> Part:
        """The rows of these keys marked: to copy what stays would bring it all into memory."""
        gone = self.places(keys)
        if not len(gone):
            return self
        left = np.array(self.keys)
        left[gone] = -1
        return replace(self, keys=left)

    def places(self, keys: Keys) -> Places:
        """Where the rows of these keys are, ascending; a key that is not there has none."""
        order, there = self._by_key
        wanted = np.unique(keys)
        first = there.searchsorted(wanted)
        counts = there.searchsorted(wanted, "right") - first
        runs = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return np.sort(order[runs])

    @cached_property
    def left(self) -> Places | None:
        """Where the rows are that are not removed; None if that is all of them."""
        stays = self.keys >= 0
        return None if stays.all() else np.flatnonzero(stays)

    def blocks(self, places: Places | None) -> Iterator[tuple[Keys, Features]]:
        """Those rows, or all for None, with their keys, a bounded number at a time."""
        step = max(1, _BLOCK // max(1, self.vectors.itemsize * self.vectors.shape[1]))
        for start in range(0, len(self) if places is None else len(places), step):
            some = slice(start, start + step)
            chosen = some if places is None else places[some]
            yield self.keys[chosen], self.vectors[chosen]

    @cached_property
    def _by_key(self) -> tuple[Places, Keys]:
        order = np.argsort(self.keys, kind="stable")
        return order, self.keys[order]
