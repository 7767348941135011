"""A tree of cells whose rows are compared by anisotropic codes (ScaNN).

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
from imagefinder.indexes.segment import Places
from imagefinder.types import Features, Measure

_METRICS = {"cosine": "dot_product", "dot": "dot_product", "l2": "squared_l2"}
_TAUGHT = 100_000  # rows that are enough to learn from
_PAIR = 2  # numbers that share a code


class Scann(Approximate):
    """ScaNN's, all of it in memory. Its library runs on Linux only."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("scann", "scann")

    def __init__(
        self, dim: int, measure: Measure, leaves: int = 0, searched: int = 0, reorder: int = 250
    ) -> None:
        """Cells, how many of them are searched, and how many rows are compared in full.

        Of 0 leaves there are twice the root of the number of rows, of which a quarter is searched.
        """
        super().__init__(dim, measure, leaves=leaves, searched=searched, reorder=reorder)

    def _build(self, rows: Features) -> Any:
        leaves = self.options["leaves"] or max(1, round(2 * sqrt(len(rows))))
        searched = self.options["searched"] or max(1, leaves // 4)
        builder = optional_import("scann", "scann", "this index").scann_ops_pybind.builder(
            np.asarray(rows), self.options["reorder"], _METRICS[self.measure]
        )
        taught = min(len(rows), _TAUGHT)
        tree = builder.tree(leaves, searched, training_sample_size=taught)
        codes = tree.score_ah(_PAIR, anisotropic_quantization_threshold=0.2)
        return codes.reorder(self.options["reorder"]).build()

    def _nearest(self, structure: Any, queries: Features, k: int) -> Places:
        depth = max(k, self.options["reorder"])
        found, scores = structure.search_batched(
            queries, final_num_neighbors=k, pre_reorder_num_neighbors=depth
        )
        places: Places = np.where(np.isfinite(scores), found.astype(np.intp), -1)
        return places

    def _write(self, structure: Any, file: Path) -> None:
        with TemporaryDirectory() as folder, tarfile.open(file, "w") as together:
            structure.serialize(folder, relative_path=True)
            together.add(folder, arcname=".")

    def _read(self, file: Path) -> Any:
        with TemporaryDirectory() as folder, tarfile.open(file) as together:
            if any(name.endswith(".pkl") for name in together.getnames()):
                raise ValueError("it holds a pickle, which may run anything")
            together.extractall(folder, filter="data")
            return optional_import("scann", "scann", "this index").scann_ops_pybind.load_searcher(
                folder
            )
