"""faiss: inverted files (IVF), HNSW, product quantization (PQ), LSH, by factory string.

For example ``IVF1024,Flat``, ``HNSW32``, ``PQ64`` or ``LSH``.

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
from imagefinder.indexes.segment import RowNumbers
from imagefinder.types import Features, Measure

_STEP = 10_000  # rows read at a time
_TRAINING_ROWS = 100_000  # enough to train the quantizers
_SEED = 7
_QUANTIZED = re.compile(r"PQ|SQ|LSH|RaBitQ|RQ|LSQ|ITQ|ZnLattice")
_OVERSAMPLING = 10  # times as many candidates where vectors are quantized


class Faiss(Approximate):
    """A faiss index, by default an inverted file (IVF): vectors in cells, the nearest probed."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("faiss", "faiss")

    def __init__(
        self, dim: int, measure: Measure, factory: str = "", parameters: str = "nprobe=32"
    ) -> None:
        """``parameters`` as faiss's ``ParameterSpace`` takes them: ``nprobe=64``, ``efSearch=128``.

        Parameters that an index does not have are ignored. Raises ValueError for an invalid
        factory string.
        """
        super().__init__(dim, measure, factory=factory, parameters=parameters)
        self._make(10_000)  # so that an invalid string raises at once

    def _build(self, rows: Features) -> Any:
        structure = self._make(len(rows))
        if not structure.is_trained:
            chosen = np.random.default_rng(_SEED).permutation(len(rows))[:_TRAINING_ROWS]
            structure.train(np.asarray(rows[np.sort(chosen)]))
        for start in range(0, len(rows), _STEP):
            structure.add(np.asarray(rows[start : start + _STEP]))
        return structure

    def _query(self, structure: Any, queries: Features, k: int) -> RowNumbers:
        quantized = _QUANTIZED.search(self.options["factory"])
        count = min(k * _OVERSAMPLING if quantized else k, structure.ntotal)
        candidates: RowNumbers = structure.search(np.ascontiguousarray(queries), count)[1]
        return candidates

    def _write(self, structure: Any, file: Path) -> None:
        _faiss().write_index(structure, str(file))

    def _read(self, file: Path) -> Any:
        structure = _faiss().read_index(str(file), _faiss().IO_FLAG_MMAP)
        self._tune(structure)
        return structure

    def _make(self, rows: int) -> Any:
        faiss = _faiss()
        factory = self.options["factory"] or f"IVF{max(1, round(4 * sqrt(rows)))},Flat"
        use_products = self.measure != "l2" and "LSH" not in factory  # LSH knows l2 only
        metric = faiss.METRIC_INNER_PRODUCT if use_products else faiss.METRIC_L2
        try:
            structure = faiss.index_factory(self.dim, factory, metric)
        except RuntimeError as error:
            raise ValueError(
                f"faiss cannot make an index {factory!r} for {self.dim} dimensions"
            ) from error
        self._tune(structure)
        return structure

    def _tune(self, structure: Any) -> None:
        for parameter in filter(None, self.options["parameters"].split(",")):
            name, _, value = parameter.partition("=")
            try:
                _faiss().ParameterSpace().set_index_parameter(structure, name, float(value))
            except (RuntimeError, ValueError):
                continue  # not a parameter of this index


def _faiss() -> Any:
    return optional_import("faiss", "faiss", "this index")
