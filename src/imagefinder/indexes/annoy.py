"""Trees of random planes (Annoy, by Erik Bernhardsson at Spotify)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder.indexes.approximate import Approximate
from imagefinder.indexes.segment import Places
from imagefinder.types import Features, Measure

_METRICS = {"cosine": "angular", "dot": "dot", "l2": "euclidean"}
_SEED = 7


class Annoy(Approximate):
    """Annoy's forest, mapped from its file."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("annoy", "annoy")

    def __init__(self, dim: int, measure: Measure, trees: int = 50, nodes: int = 5000) -> None:
        """More trees and more nodes looked at in a search find more, and take longer."""
        super().__init__(dim, measure, trees=trees, nodes=nodes)

    def _build(self, rows: Features) -> Any:
        forest = self._empty()
        forest.set_seed(_SEED)
        for place, row in enumerate(rows):
            forest.add_item(place, row)
        forest.build(self.options["trees"], n_jobs=-1)
        return forest

    def _nearest(self, structure: Any, queries: Features, k: int) -> Places:
        nodes = max(self.options["nodes"], k)
        places = np.full((len(queries), k), -1, np.intp)
        for line, query in zip(places, queries, strict=True):
            found = structure.get_nns_by_vector(query, k, nodes)
            line[: len(found)] = found
        return places

    def _write(self, structure: Any, file: Path) -> None:
        structure.save(str(file))

    def _read(self, file: Path) -> Any:
        forest = self._empty()
        forest.load(str(file))
        return forest

    def _empty(self) -> Any:
        return optional_import("annoy", "annoy", "this index").AnnoyIndex(
            self.dim, _METRICS[self.measure]
        )
