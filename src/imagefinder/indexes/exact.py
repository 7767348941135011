"""Exact k-NN: brute force with an int8 first pass."""

from __future__ import annotations

from typing import ClassVar

from imagefinder.indexes.brute_force import brute_force
from imagefinder.indexes.segmented import SegmentedVectors
from imagefinder.similarity import normalized_for
from imagefinder.types import Features, Keys, Measure, Neighbors


class Exact(SegmentedVectors):
    """The true nearest neighbors, as the rows are when a search begins."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot", "hamming")

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Index."""
        queries = normalized_for(self.measure, queries)
        return brute_force(self._segments, self.measure, queries, k, subset)
