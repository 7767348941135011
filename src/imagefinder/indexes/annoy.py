"""Annoy: a forest of random-projection trees (Erik Bernhardsson, Spotify)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder.indexes.approximate import Approximate
from imagefinder.indexes.segment import RowNumbers
from imagefinder.types import Features, Measure

_METRICS = {"cosine": "angular", "dot": "dot", "l2": "euclidean"}
_SEED = 7


class Annoy(Approximate):
    """An Annoy forest, memory-mapped from its file."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("annoy", "annoy")

    def __init__(self, dim: int, measure: Measure, trees: int = 50, nodes: int = 5000) -> None:
        """``nodes`` are inspected per query; more trees and nodes raise recall and latency."""
        super().__init__(dim, measure, trees=trees, nodes=nodes)

    def _build(self, rows: Features) -> Any:
        forest = self._empty()
        forest.set_seed(_SEED)
        for number, row in enumerate(rows):
            forest.add_item(number, row)
        forest.build(self.options["trees"], n_jobs=-1)
        return forest

    def _query(self, structure: Any, queries: Features, k: int) -> RowNumbers:
        nodes = max(self.options["nodes"], k)
        candidates = np.full((len(queries), k), -1, np.intp)
        for line, query in zip(candidates, queries, strict=True):
            found = structure.get_nns_by_vector(query, k, nodes)
            line[: len(found)] = found
        return candidates

    def _write(self, structure: Any, file: Path) -> None:
        # the library deletes the file that it is given, and the lock on it with it
        written = file.with_name(f"{file.name}.tmp")
        try:
            structure.save(str(written))
            shutil.copyfile(written, file)
        finally:
            written.unlink(missing_ok=True)
        structure.unload()
        structure.load(str(file))  # or what was deleted would take up space

    def _read(self, file: Path) -> Any:
        forest = self._empty()
        forest.load(str(file))
        return forest

    def _empty(self) -> Any:
        annoy = optional_import("annoy", "annoy", "this index")
        return annoy.AnnoyIndex(self.dim, _METRICS[self.measure])
