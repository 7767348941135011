"""Every row compared with every query."""

from __future__ import annotations

from typing import ClassVar

from imagefinder.indexes.brute_force import compare
from imagefinder.indexes.segmented import Matrix
from imagefinder.similarity import normalized_for
from imagefinder.types import Features, Keys, Measure, Neighbors


class Exact(Matrix):
    """The nearest rows. A search works on the rows as they are when it begins."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot", "hamming")

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Index."""
        return compare(self._parts, self.measure, normalized_for(self.measure, queries), k, subset)
