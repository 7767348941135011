"""k nearest neighbors by a graph (HNSW) in the database, with pgvector."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from imagefinder.errors import PluginError
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.scan import (
    MOST_ROWS,
    OPERATORS,
    PgvectorScan,
    as_neighbors,
    distance_of,
    parameter,
    query_as,
    scan,
)
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.vectors import VECTORS, VectorRows
from imagefinder.types import Features, IndexChoice, Keys, Measure, Neighbors, Recipe

Quantization = Literal["halfvec", "bit"]

_NAME, _UNFINISHED = "nearest", "unfinished"  # of the index
_MOST_DIMENSIONS = 4000  # of an index of halfvec
_SMALL = (
    20_000  # images of a subset that are compared one by one: quicker than the graph, and exact
)
_CANDIDATES: dict[Quantization, tuple[int, int]] = {"halfvec": (2, 20), "bit": (10, 100)}
"""So many times k are compared by their full vectors, and how many at least: these may lie outside
of the table, and take longer to read than the graph takes to be searched."""
_MOST_EF = 1000
_CLASSES: dict[Measure, str] = {"cosine": "cosine", "l2": "l2", "dot": "ip", "hamming": "hamming"}
_FILTERED = (
    4  # times as large a list is searched for a subset: in it, the nearest are farther apart
)
_SETTINGS: dict[str, str | int] = {
    "hnsw.iterative_scan": "relaxed_order",  # a filter does not leave too few
    "enable_seqscan": "off",
    "enable_sort": "off",
}
_ELEMENT = 200  # bytes of a vector in the graph besides itself and its neighbors
_NEIGHBOR = 18  # bytes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PgvectorHnsw:
    """The options of the graph; ``bit`` keeps the signs alone in it, a third of the bytes."""

    dim: int
    measure: Measure
    m: int = 16
    ef_construction: int = 128
    ef_search: int = 100
    quantization: Quantization = "halfvec"
    maintenance_work_mem: str = ""
    """While it is built, such as 2GB; what the server is set to if not given."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot", "hamming")

    def __post_init__(self) -> None:
        """Raises ValueError for options that are out of range, or too many dimensions."""
        if not 2 <= self.m <= 100:
            raise ValueError(f"m must be from 2 to 100, not {self.m!r}")
        if not 2 * self.m <= self.ef_construction <= _MOST_EF:
            raise ValueError(f"ef_construction must be from 2 · m to {_MOST_EF}")
        if not 1 <= self.ef_search <= _MOST_EF:
            raise ValueError(f"ef_search must be from 1 to {_MOST_EF}")
        if self.quantization not in get_args(Quantization):
            raise ValueError(f"quantization must be halfvec or bit, not {self.quantization!r}")
        if self.measure == "l2" and self.quantization == "bit":
            raise ValueError("signs alone do not tell Euclidean distances: use halfvec")
        if self.measure != "hamming" and self.quantization != "bit" and self.dim > _MOST_DIMENSIONS:
            raise ValueError(
                f"its vectors have up to {_MOST_DIMENSIONS:,} dimensions, not {self.dim:,}: use "
                "-o quantization=bit, or imagefinder reduce"
            )

    @property
    def expression(self) -> str:
        """What is indexed."""
        if self.measure == "hamming":
            return "embedding"
        if self.quantization == "bit":
            return f"({{v}}.binary_quantize(embedding)::bit({self.dim}))"
        return f"(embedding::{{v}}.halfvec({self.dim}))"

    @property
    def is_by_bits(self) -> bool:
        """Whether it compares bits."""
        return self.measure == "hamming" or self.quantization == "bit"

    @property
    def operator_class(self) -> str:
        """By which it compares."""
        name = "bit_hamming" if self.is_by_bits else f"halfvec_{_CLASSES[self.measure]}"
        return f"{{v}}.{name}_ops"

    @property
    def nearness(self) -> str:
        """SQL for the order in which the graph is searched, for a query given as a literal."""
        if self.measure == "hamming":
            query = f"{query_as('hamming')}::bit({8 * self.dim})"
        elif self.quantization == "bit":
            query = f"{{v}}.binary_quantize({query_as(self.measure)})::bit({self.dim})"
        else:
            query = query_as(self.measure, f"{{v}}.halfvec({self.dim})")
        operator = OPERATORS["hamming" if self.is_by_bits else self.measure]
        return f"{self.expression} OPERATOR({{v}}.{operator}) {query}"

    def candidates(self, k: int) -> int:
        """How many are compared by their full vectors for the k nearest."""
        times, fewest = _CANDIDATES[self.quantization]
        return max(fewest, times * k)

    def bytes(self, rows: int) -> int:
        """About what the graph takes in memory while it is built."""
        own = self.dim if self.measure == "hamming" else 2 * self.dim
        own = self.dim // 8 if self.quantization == "bit" else own
        return rows * (own + _ELEMENT + 2 * self.m * _NEIGHBOR)


def build_server_index(session: Session, options: PgvectorHnsw) -> None:
    """Build the graph in place of another; searches go on meanwhile, and writes wait.

    Raises PluginError for a setting that the server does not know.
    """
    if options.maintenance_work_mem:
        memory = options.maintenance_work_mem
        session.execute("SELECT set_config('maintenance_work_mem', %s, true)", (memory,))
    _warn_of_memory(session, options)
    session.script(
        f"CREATE INDEX {_UNFINISHED} ON {VECTORS} USING hnsw"
        f" ({options.expression} {options.operator_class})"
        f" WITH (m = {int(options.m)}, ef_construction = {int(options.ef_construction)})"
    )
    drop_server_index(session)  # last, since no one can read the table from then on
    session.script(f"ALTER INDEX {{s}}.{_UNFINISHED} RENAME TO {_NAME}")


def build_chosen(session: Session, recipe: Recipe, choice: IndexChoice) -> None:
    """Build the graph if it is chosen; else drop it, if there is one. Raises PluginError."""
    if choice.kind == "pgvector-hnsw":
        build_server_index(session, server_index_of(recipe, dict(choice.options)))
    else:
        drop_server_index(session)


def drop_server_index(session: Session) -> None:
    """Drop the graph, if there is one."""
    session.script(f"DROP INDEX IF EXISTS {{s}}.{_NAME}")


class ServerIndexSearch:
    """Searches the graph, and orders what it finds by the full vectors in the same statement."""

    def __init__(
        self, rows: VectorRows, options: PgvectorHnsw, measure: Measure, connections: Connections
    ) -> None:
        """By a measure; if the graph is for another, all vectors are compared."""
        self._rows, self._options = rows, options
        self._measure: Measure = measure
        self._connections = connections

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store; no subset loses results: a small one is compared whole, as is what is left."""
        is_small = subset is not None and len(subset) <= _SMALL
        if self._measure != self._options.measure or is_small:
            exact = PgvectorScan(self._rows, self._measure, self._connections)
            return exact.search(query, k, subset)

        def use(session: Session) -> Neighbors:
            self._rows.check(session)
            found = [self._nearest(session, row, most, candidates, subset) for row in query]
            return as_neighbors(found, self._measure, self._rows.recipe.dim)

        most = min(k, MOST_ROWS)
        candidates = self._options.candidates(most)
        ef_search = max(candidates, self._options.ef_search)
        if subset is not None:
            ef_search *= _FILTERED
        settings = {**_SETTINGS, "hnsw.ef_search": min(ef_search, _MOST_EF)}
        return self._connections.read(use, settings)

    def _nearest(
        self, session: Session, row: Features, k: int, candidates: int, subset: Keys | None
    ) -> list[tuple[int, float]]:
        condition = "" if subset is None else "WHERE key = ANY(%(subset)s)"
        values = {"query": parameter(row), "candidates": candidates, "k": k, "subset": subset}
        found: list[tuple[int, float]] = session.rows(
            f"WITH near AS MATERIALIZED (SELECT key, embedding FROM {VECTORS} {condition}"
            f" ORDER BY {self._options.nearness} LIMIT %(candidates)s)"
            f" SELECT key, {distance_of(self._measure)} AS distance FROM near"
            " ORDER BY distance, key LIMIT %(k)s",
            values,
        )
        return found if len(found) == k else scan(session, row, self._measure, k, subset)


def server_index_of(recipe: Recipe, options: dict[str, object]) -> PgvectorHnsw:
    """The graph of a catalogue with these options. Raises PluginError."""
    try:
        return PgvectorHnsw(recipe.dim, recipe.measure, **options)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise PluginError(f"pgvector-hnsw: {error}") from error


def _warn_of_memory(session: Session, options: PgvectorHnsw) -> None:
    rows = int(session.value(f"SELECT count(*) FROM {VECTORS}"))
    needed = options.bytes(rows)
    memory = int(session.value("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))"))
    if needed <= memory:
        return
    log.warning(
        "the graph takes about %s MB, and the server's maintenance_work_mem is %s MB, so building "
        "it takes long: add -o maintenance_work_mem=%sMB if the server has that much memory, or "
        "-o quantization=bit for a smaller one",
        f"{needed / 2**20:,.0f}",
        f"{memory / 2**20:,.0f}",
        f"{needed * 1.1 / 2**20:.0f}",
    )
