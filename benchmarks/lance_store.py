"""Lance benchmark: a catalogue in a folder beside plain pylance, in one run.

    python -m benchmarks.lance_store [--rows N ...] [--queries N]

Random vectors in 200 clusters, 320 dimensions, of length 1.

- storing: images a second by appending ids, paths and vectors, and by the catalogue, which also
  finds out what is stored already. Both commit batches of 1,000.
- searches, one after the other: by the bare engine and by the catalogue, by a scan and by an index
  with the same settings; the catalogue's ``exact``; recall of the ten nearest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import lance
import numpy as np
import pyarrow as pa

from benchmarks.ingest import processor
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
        bare = _append(Path(folder, "bare.lance"), list(_batches(rows, centers)))
        about: dict[str, Any] = {"rows": rows, "bare images/s": round(rows / bare)}
        path = Path(folder, "c.lance")
        with closing(LanceStore.create(path, Recipe("random", {}, DIM, "cosine"))) as store:
            ours = _write(store, list(_batches(rows, centers)))
            about["images/s"] = round(rows / ours)
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
        yield [Entry(record_of(f"/images/{first + n}"), one[None]) for n, one in enumerate(vectors)]


def _append(path: Path, given: list[list[Entry]]) -> float:
    """Seconds that the bare engine takes."""
    began = perf_counter()
    for entries in given:
        flat = np.concatenate([np.asarray(entry.features) for entry in entries]).ravel()
        table = pa.table(
            {
                "key": [entry.record.key for entry in entries],
                "path": [entry.record.path for entry in entries],
                "sha256": [entry.record.sha256 for entry in entries],
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(flat), DIM),
            }
        )
        lance.write_dataset(table, path, mode="append" if path.exists() else "create")
    return perf_counter() - began


def _write(store: LanceStore, given: list[list[Entry]]) -> float:
    began = perf_counter()
    for entries in given:
        store.write(entries)
    return perf_counter() - began


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
