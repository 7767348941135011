"""A graph of neighbours, walked from far to near (usearch).

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
from imagefinder.indexes.segment import Part, Places
from imagefinder.types import Features, Measure

_STEP = 10_000  # rows read at a time
_METRICS = {"cosine": "ip", "dot": "ip", "l2": "l2sq", "hamming": "hamming"}


class Hnsw(Approximate):
    """usearch's, with numbers of 16 bits."""

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
        """More of each finds more, and takes longer: links of a row, and rows kept in view."""
        super().__init__(
            dim,
            measure,
            connectivity=connectivity,
            expansion_add=expansion_add,
            expansion_search=expansion_search,
        )

    def _build(self, rows: Features) -> Any:
        return self._with(self._empty(), rows, 0)

    def _grown(self, structure: Any, rows: Part, known: int) -> Any:
        grown = self._empty()
        grown.load(structure.save())  # one that is mapped takes no more rows
        return self._with(grown, rows.vectors, known)

    def _nearest(self, structure: Any, queries: Features, k: int) -> Places:
        # 16 bits cannot tell near rows apart: of twice as many the right ones are taken in full
        k = min(2 * k, len(structure))
        found = structure.search(queries, k)
        if len(queries) == 1:  # then it gives no counts, but what there is
            return np.asarray(found.keys.astype(np.intp).reshape(1, -1))
        places: Places = found.keys.astype(np.intp)
        places[np.arange(k) >= found.counts[:, None]] = -1
        return places

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

    def _with(self, structure: Any, rows: Features, known: int) -> Any:
        for start in range(known, len(rows), _STEP):
            some = rows[start : start + _STEP]
            structure.add(np.arange(start, start + len(some)), np.asarray(some))
        return structure


def _usearch() -> Any:
    # loaded after usearch, whose own copy of the C++ library gets in its way, faiss would crash
    with suppress(MissingExtra):
        optional_import("faiss", "faiss", "this index")
    return optional_import("usearch.index", "hnsw", "this index")
