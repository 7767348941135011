"""HNSW: a hierarchical navigable small-world graph (usearch).

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
Navigable Small World graphs", 2018.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder.errors import MissingExtra
from imagefinder.indexes.approximate import Approximate
from imagefinder.indexes.segment import RowNumbers, Segment
from imagefinder.types import Features, Measure

_STEP = 10_000  # rows read at a time
_METRICS = {"cosine": "ip", "dot": "ip", "l2": "l2sq", "hamming": "hamming"}


class Hnsw(Approximate):
    """A usearch graph over vectors in bfloat16."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot", "hamming")
    library: ClassVar[tuple[str, str]] = ("usearch", "hnsw")

    def __init__(
        self,
        dim: int,
        measure: Measure,
        connectivity: int = 16,
        expansion_add: int = 128,
        expansion_search: int = 96,
    ) -> None:
        """M, ef_construction and ef_search: more of each raises recall, build time or latency."""
        super().__init__(
            dim,
            measure,
            connectivity=connectivity,
            expansion_add=expansion_add,
            expansion_search=expansion_search,
        )

    def _build(self, rows: Features) -> Any:
        return self._with(self._empty(), rows, 0)

    def _extend(self, structure: Any, rows: Segment, count: int) -> Any:
        extended = self._empty()
        extended.load(structure.save())  # a memory-mapped graph is read-only
        return self._with(extended, rows.vectors, count)

    def _query(self, structure: Any, queries: Features, k: int) -> RowNumbers:
        # bfloat16 cannot tell near neighbors apart: twice as many candidates are scored in full
        k = min(2 * k, len(structure))
        found = structure.search(queries, k)
        if len(queries) == 1:  # then the result has no counts
            return np.asarray(found.keys.astype(np.intp).reshape(1, -1))
        candidates: RowNumbers = found.keys.astype(np.intp)
        candidates[np.arange(k) >= found.counts[:, None]] = -1
        return candidates

    def _write(self, structure: Any, file: Path) -> None:
        structure.save(file)

    def _read(self, file: Path) -> Any:
        mapped = self._empty()
        mapped.view(file)
        return mapped

    def _empty(self) -> Any:
        bits = self.measure == "hamming"
        return _usearch().Index(
            ndim=8 * self.dim if bits else self.dim,
            metric=_METRICS[self.measure],
            dtype="b1" if bits else "bf16",
            **self.options,
        )

    def _with(self, structure: Any, rows: Features, count: int) -> Any:
        for start in range(count, len(rows), _STEP):
            some = rows[start : start + _STEP]
            structure.add(np.arange(start, start + len(some)), np.asarray(some))
        return structure


def _usearch() -> Any:
    # faiss comes first: loaded after usearch, whose own C++ library it clashes with, it crashes
    with suppress(MissingExtra):
        optional_import("faiss", "faiss", "this index")
    return optional_import("usearch.index", "hnsw", "this index")
