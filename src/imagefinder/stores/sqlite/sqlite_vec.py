"""Brute-force k-NN in SQL by sqlite-vec: no index, no file beside the catalogue."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import apsw
import numpy as np

from imagefinder.similarity import Scores, scores_of
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.vectors import VectorRows
from imagefinder.types import Features, Keys, Measure, Neighbors

_MAX_LIMIT = 2**31
_DISTANCES: dict[Measure, str] = {
    # the cosine distance from a vector of zeros is NULL
    "cosine": "coalesce(vec_distance_cosine(vector, ?), 1.0)",
    "l2": "vec_distance_l2(vector, ?)",
    "hamming": "vec_distance_hamming(vec_bit(vector), vec_bit(?))",
}


class SqliteVecSearch:
    """Searches as an index does, in the catalogue itself."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "hamming")

    def __init__(self, rows: VectorRows, measure: Measure, connections: Connections) -> None:
        """Over the vectors of a catalogue."""
        self._rows = rows
        self._measure: Measure = measure
        self._connections = connections

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""
        with self._connections.reading() as connection:  # one, or the rows may differ in number
            self._rows.check(connection)
            found = [self._nearest(connection, row, min(k, _MAX_LIMIT), subset) for row in query]
        shape = len(query), len(found[0]) if found else 0
        keys = np.array([[key for key, _ in rows] for rows in found], np.int64)
        distances: Scores = np.array([[d for _, d in rows] for rows in found], np.float32)
        scores = scores_of(self._measure, distances.reshape(shape), self._rows.recipe.dim)
        return Neighbors(keys.reshape(shape), scores)

    def _nearest(
        self, connection: apsw.Connection, row: Features, k: int, subset: Keys | None
    ) -> list[Any]:
        condition = "" if subset is None else "WHERE key IN (SELECT value FROM json_each(?))"
        sql = (
            f"SELECT key, {_DISTANCES[self._measure]} AS distance FROM vectors {condition}"
            " ORDER BY distance, key LIMIT ?"
        )
        values = [] if subset is None else [json.dumps(subset.tolist())]
        return connection.execute(sql, [row.tobytes(), *values, k]).fetchall()
