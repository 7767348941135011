"""ScaNN: a partitioning tree and anisotropic vector quantization.

Guo et al., "Accelerating large-scale inference with anisotropic vector quantization", ICML 2020.
"""

from __future__ import annotations

import tarfile
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder.indexes.approximate import Approximate
from imagefinder.indexes.segment import RowNumbers
from imagefinder.types import Features, Measure

_METRICS = {"cosine": "dot_product", "dot": "dot_product", "l2": "squared_l2"}
_TRAINING_ROWS = 100_000  # enough to train the partitions and codebooks
_DIMENSIONS_PER_BLOCK = 2  # of product quantization


class Scann(Approximate):
    """A ScaNN searcher, held in memory. Its library runs on Linux only."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("scann", "scann")

    def __init__(
        self, dim: int, measure: Measure, leaves: int = 0, searched: int = 0, reorder: int = 250
    ) -> None:
        """Partitions, how many are searched, and how many candidates are scored in full.

        0 leaves: twice the square root of the number of vectors; 0 searched: a quarter of them.
        """
        super().__init__(dim, measure, leaves=leaves, searched=searched, reorder=reorder)

    def _build(self, rows: Features) -> Any:
        leaves = self.options["leaves"] or max(1, round(2 * sqrt(len(rows))))
        searched = self.options["searched"] or max(1, leaves // 4)
        builder = optional_import("scann", "scann", "this index").scann_ops_pybind.builder(
            np.asarray(rows), self.options["reorder"], _METRICS[self.measure]
        )
        sample = min(len(rows), _TRAINING_ROWS)
        tree = builder.tree(leaves, searched, training_sample_size=sample)
        quantized = tree.score_ah(_DIMENSIONS_PER_BLOCK, anisotropic_quantization_threshold=0.2)
        return quantized.reorder(self.options["reorder"]).build()

    def _query(self, structure: Any, queries: Features, k: int) -> RowNumbers:
        depth = max(k, self.options["reorder"])
        candidates, scores = structure.search_batched(
            queries, final_num_neighbors=k, pre_reorder_num_neighbors=depth
        )
        rows: RowNumbers = np.where(np.isfinite(scores), candidates.astype(np.intp), -1)
        return rows

    def _write(self, structure: Any, file: Path) -> None:
        with TemporaryDirectory() as folder, tarfile.open(file, "w") as archive:
            structure.serialize(folder, relative_path=True)
            archive.add(folder, arcname=".")

    def _read(self, file: Path) -> Any:
        with TemporaryDirectory() as folder, tarfile.open(file) as archive:
            if any(name.endswith(".pkl") for name in archive.getnames()):
                raise ValueError("it contains a pickle, which could run any code")
            archive.extractall(folder, filter="data")
            return optional_import("scann", "scann", "this index").scann_ops_pybind.load_searcher(
                folder
            )
