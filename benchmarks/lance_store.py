"""Lance benchmark: a catalogue in a folder beside plain pylance, in one run.

    python -m benchmarks.lance_store [--rows N ...] [--queries N]

Random vectors in 200 clusters, 320 dimensions, of length 1.

- storing: images a second by the bare engine, which appends ids, paths and vectors alone, or all
  columns that the catalogue writes; and by the catalogue, which also finds out what is stored
  already and compacts. All commit batches of 1,000; seconds of all cores stand beside.
- searches, one after the other: by the bare engine and by the catalogue, by a scan and by an index
  with the same settings; the catalogue's ``exact``; recall of the ten nearest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import lance
import numpy as np
import pyarrow as pa

from benchmarks.ingest import processor
from imagefinder.stores.lance.schema import arrow_schema
from imagefinder.stores.lance.store import LanceStore
from imagefinder.testing.contracts.samples import record_of
from imagefinder.types import Entry, Features, IndexChoice, Recipe

DIM, CLUSTERS, BATCH, K = 320, 200, 1000, 10
KINDS = ("exact", "lance", "lance-ivf-rq")


def main() -> None:
    """Measure, and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=100)
    given = parser.parse_args()
    results = [_measure(rows, given.queries) for rows in given.rows]
    print(json.dumps({"processor": processor(), "results": results}, indent=2))


def _measure(rows: int, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((CLUSTERS, DIM))
    queries = _drawn(rng, centers, count)
    with TemporaryDirectory() as folder:
        about: dict[str, Any] = {"rows": rows, "storing": _storing(Path(folder), rows, centers)}
        with closing(LanceStore.open(Path(folder, "catalogue.lance"))) as store:
            store.vacuum()
            about |= _searches(store, queries)
        about["peak MB"] = getrusage(RUSAGE_SELF).ru_maxrss // 1024
    return about


def _drawn(rng: np.random.Generator, centers: Features, count: int) -> Features:
    vectors = centers[rng.integers(0, CLUSTERS, count)] + 0.7 * rng.standard_normal((count, DIM))
    unit: Features = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _batches(rows: int, centers: Features) -> Iterator[list[Entry]]:
    rng = np.random.default_rng(1)
    for first in range(0, rows, BATCH):
        vectors = _drawn(rng, centers, BATCH)
        yield [
            Entry(record_of(f"/images/{first + n}"), one[None], {"n": first + n})
            for n, one in enumerate(vectors)
        ]


def _storing(folder: Path, rows: int, centers: Features) -> dict[str, Any]:
    """Images a second, and seconds of all cores; batches are drawn between them."""
    recipe = Recipe("random", {}, DIM, "cosine")
    with closing(LanceStore.create(folder / "catalogue.lance", recipe)) as store:
        ways: dict[str, Callable[[list[Entry]], object]] = {
            "bare vectors": partial(_append, folder / "vectors.lance", _vector_table),
            "bare columns": partial(_append, folder / "columns.lance", _column_table),
            "catalogue": store.write,
        }
        taken = {name: np.zeros(2) for name in ways}
        for entries in _batches(rows, centers):
            for name, write in ways.items():
                began = np.array([perf_counter(), process_time()])
                write(entries)
                taken[name] += np.array([perf_counter(), process_time()]) - began
    return {
        name: {"images/s": round(rows / seconds), "cpu s": round(float(cpu), 2)}
        for name, (seconds, cpu) in taken.items()
    }


def _append(path: Path, table_of: Callable[[list[Entry]], pa.Table], entries: list[Entry]) -> None:
    table = table_of(entries)
    lance.write_dataset(table, path, mode="append" if path.exists() else "create")


def _vector_table(entries: list[Entry]) -> pa.Table:
    return pa.table(
        {
            "key": [entry.record.key for entry in entries],
            "path": [entry.record.path for entry in entries],
            "sha256": [entry.record.sha256 for entry in entries],
            "vector": _vector_column(entries),
        }
    )


def _column_table(entries: list[Entry]) -> pa.Table:
    """What the catalogue writes, in the same columns."""
    files = [entry.record.files[0] for entry in entries]
    columns = {
        "key": [entry.record.key for entry in entries],
        "ordinal": [0] * len(entries),
        "sha256": [entry.record.sha256 for entry in entries],
        "size": [entry.record.size for entry in entries],
        "width": [entry.record.width for entry in entries],
        "height": [entry.record.height for entry in entries],
        "in_memory": [False] * len(entries),
        "metadata": [json.dumps(entry.metadata, ensure_ascii=False) for entry in entries],
        "path": [file.path for file in files],
        "mtime_ns": [file.mtime_ns for file in files],
        "origin": [file.origin for file in files],
        "written": [1] * len(entries),
        "has_vector": [True] * len(entries),
        "local_size": [None] * len(entries),
        "has_signature": [False] * len(entries),
        "vector": _vector_column(entries),
        "local": [None] * len(entries),
        "signature": [None] * len(entries),
    }
    return pa.table(columns, schema=arrow_schema(Recipe("random", {}, DIM, "cosine")))


def _vector_column(entries: list[Entry]) -> pa.Array:
    flat = np.concatenate([np.asarray(entry.features) for entry in entries]).ravel()
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), DIM)


def _searches(store: LanceStore, queries: Features) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exact: list[list[int]] = []
    for kind in KINDS:
        began = perf_counter()
        store.use_index(IndexChoice(kind))
        built = perf_counter() - began
        store.search(queries[:1], K)
        began = perf_counter()
        keys = [store.search(query[None], K).keys[0].tolist() for query in queries]
        ours = (perf_counter() - began) / len(queries)
        exact = exact or keys
        pairs = zip(keys, exact, strict=True)
        found[kind] = {
            "build s": round(built, 1),
            "ms": round(1000 * ours, 2),
            "recall@10": float(np.mean([len(set(own) & set(best)) / K for own, best in pairs])),
        }
        if kind != "exact":
            found[kind]["bare ms"] = round(1000 * _bare_search(store, kind, queries), 2)
    return found


def _bare_search(store: LanceStore, kind: str, queries: Features) -> float:
    """Seconds a query of the engine alone, with the same settings."""
    dataset = store._table.newest()
    options = store.index.options
    how: dict[str, Any] = {"use_index": False}
    if kind != "lance":
        probes = {"minimum_nprobes": options["nprobes"], "maximum_nprobes": options["nprobes"]}
        how = {**probes, "refine_factor": options["refine_factor"]}
    began = perf_counter()
    for query in queries:
        nearest = {"column": "vector", "q": query, "k": K, "metric": "cosine", **how}
        dataset.scanner(columns=["key", "_distance"], nearest=nearest).to_table()
    return (perf_counter() - began) / len(queries)


if __name__ == "__main__":
    main()
