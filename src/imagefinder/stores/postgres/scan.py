"""k nearest neighbors by a scan in SQL, with pgvector's operators."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from imagefinder.similarity import Scores, scores_of
from imagefinder.stores.postgres.arrays import Reals
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.vectors import VECTORS, VectorRows
from imagefinder.types import Features, Keys, Measure, Neighbors

OPERATORS: dict[Measure, str] = {
    "cosine": "<=>",
    "l2": "<->",
    "dot": "<#>",  # the negative product
    "hamming": "<~>",
}
MOST_ROWS = 2**31


class PgvectorScan:
    """Searches as an index does, in the database itself."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot", "hamming")

    def __init__(self, rows: VectorRows, measure: Measure, connections: Connections) -> None:
        """Over the vectors of a catalogue."""
        self._rows = rows
        self._measure: Measure = measure
        self._connections = connections

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""

        def use(session: Session) -> Neighbors:
            self._rows.check(session)
            found = [scan(session, row, self._measure, min(k, MOST_ROWS), subset) for row in query]
            return as_neighbors(found, self._measure, self._rows.recipe.dim)

        return self._connections.read(use)  # in one snapshot, or the rows may differ in number


def scan(
    session: Session, row: Features, measure: Measure, k: int, subset: Keys | None
) -> list[tuple[int, float]]:
    """Keys and distances of the k nearest of all vectors, or of those of a subset."""
    condition = "" if subset is None else "WHERE key = ANY(%(subset)s)"
    values = {"query": parameter(row), "k": k} | ({} if subset is None else {"subset": subset})
    return session.rows(
        f"SELECT key, {distance_of(measure)} AS distance FROM {VECTORS} {condition}"
        " ORDER BY distance, key LIMIT %(k)s",
        values,
    )


def distance_of(measure: Measure) -> str:
    """SQL for the distance of a vector to the query.

    The cosine distance from a vector of zeros is not a number.
    """
    distance = f"(embedding OPERATOR({{v}}.{OPERATORS[measure]}) {query_as(measure)})"
    return f"coalesce(nullif({distance}, 'NaN'), 1)" if measure == "cosine" else distance


def query_as(measure: Measure, kind: str = "{v}.vector") -> str:
    """SQL for the query, as bits or a type of pgvector's."""
    return "%(query)s::text::varbit" if measure == "hamming" else f"%(query)s::{kind}"


def parameter(row: Features) -> str | Reals:
    """The value of the query."""
    return "".join(map(str, np.unpackbits(row))) if row.dtype == np.uint8 else Reals.of(row)


def as_neighbors(found: list[list[tuple[int, float]]], measure: Measure, dim: int) -> Neighbors:
    """What was found for each query, padded."""
    width = max((len(rows) for rows in found), default=0)
    keys = np.full((len(found), width), -1, np.int64)
    distances: Scores = np.full((len(found), width), np.inf, np.float32)
    for place, rows in enumerate(found):
        keys[place, : len(rows)] = [key for key, _ in rows]
        distances[place, : len(rows)] = [distance for _, distance in rows]
    scores = scores_of(measure, distances, dim)
    scores[keys < 0] = -np.inf
    return Neighbors(keys, scores)
