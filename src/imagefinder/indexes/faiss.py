"""Any index of faiss, by its factory string (``IVF1024,Flat``, ``HNSW32``, ``PQ64``, ``LSH``).

Douze et al., "The Faiss library", 2024.
"""

from __future__ import annotations

import re
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder.indexes.approximate import Approximate
from imagefinder.indexes.segment import Places
from imagefinder.types import Features, Measure

_STEP = 10_000  # rows read at a time
_TAUGHT = 100_000  # rows that are enough to learn from
_SEED = 7
_CODED = re.compile(r"PQ|SQ|LSH|RaBitQ|RQ|LSQ|ITQ|ZnLattice")
_OVERSAMPLING = 10  # where rows are compared by short codes


class Faiss(Approximate):
    """faiss's own, by default an inverted file: rows in cells, of which the nearest are read."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("faiss", "faiss")

    def __init__(
        self, dim: int, measure: Measure, factory: str = "", parameters: str = "nprobe=32"
    ) -> None:
        """``parameters`` as faiss's ``ParameterSpace`` takes them: ``nprobe=64``, ``efSearch=128``.

        Those that a kind does not know are passed over. Raises ValueError for a factory string
        that faiss cannot read.
        """
        super().__init__(dim, measure, factory=factory, parameters=parameters)
        self._make(10_000)  # a wrong string is told at once

    def _build(self, rows: Features) -> Any:
        structure = self._make(len(rows))
        if not structure.is_trained:
            chosen = np.random.default_rng(_SEED).permutation(len(rows))[:_TAUGHT]
            structure.train(np.asarray(rows[np.sort(chosen)]))
        for start in range(0, len(rows), _STEP):
            structure.add(np.asarray(rows[start : start + _STEP]))
        return structure

    def _nearest(self, structure: Any, queries: Features, k: int) -> Places:
        coded = _CODED.search(self.options["factory"])
        count = min(k * _OVERSAMPLING if coded else k, structure.ntotal)
        places: Places = structure.search(np.ascontiguousarray(queries), count)[1]
        return places

    def _write(self, structure: Any, file: Path) -> None:
        _faiss().write_index(structure, str(file))

    def _read(self, file: Path) -> Any:
        structure = _faiss().read_index(str(file), _faiss().IO_FLAG_MMAP)
        self._tune(structure)
        return structure

    def _make(self, rows: int) -> Any:
        library = _faiss()
        factory = self.options["factory"] or f"IVF{max(1, round(4 * sqrt(rows)))},Flat"
        products = self.measure != "l2" and "LSH" not in factory  # which knows only lengths
        metric = library.METRIC_INNER_PRODUCT if products else library.METRIC_L2
        try:
            structure = library.index_factory(self.dim, factory, metric)
        except RuntimeError as error:
            raise ValueError(
                f"faiss makes no index of {factory!r} for {self.dim} numbers"
            ) from error
        self._tune(structure)
        return structure

    def _tune(self, structure: Any) -> None:
        for parameter in filter(None, self.options["parameters"].split(",")):
            name, _, value = parameter.partition("=")
            try:
                _faiss().ParameterSpace().set_index_parameter(structure, name, float(value))
            except (RuntimeError, ValueError):
                continue  # not one of this kind's


def _faiss() -> Any:
    return optional_import("faiss", "faiss", "this index")
