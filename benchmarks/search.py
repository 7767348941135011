"""k-NN search benchmark: latency, recall and build time, as ratios within one run.

    python -m benchmarks.search FOLDER [--part exact|wide|kinds|growth ...] [--plot FILE.png]

FOLDER holds the embeddings of ``benchmarks.crops`` (made there first if they are missing): crops of
real photographs, so that the vectors are clustered as in practice, as approximate search needs.

- exact: 100,000 × 2048, one query at a time: ``exact`` compared with NumPy's product and
  argpartition, and with sqlite-vec; and whether the ten nearest neighbors of 1,000 queries agree.
- wide: 1,000,000 × 384, the same, and peak memory.
- kinds: ``hnsw`` and ``faiss`` through a catalogue, compared with the bare library, same settings.
- growth: 10,000, 100,000 and 1,000,000 × 320: build time, file size and latency of each kind.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import apsw
import numpy as np
import sqlite_vec
from numpy.typing import NDArray

from benchmarks.crops import make
from benchmarks.ingest import processor
from imagefinder._utils.concurrency import cores
from imagefinder.indexes.segmented import SegmentedVectors
from imagefinder.registry.factory import make_index
from imagefinder.registry.plugins import index_kinds, load
from imagefinder.similarity import unit
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Entry, File, Index, IndexChoice, Recipe, Record, key_of

_SEED = 7
_K = 10
_QUERIES = 1000
_TIMED = 30  # queries of the slow ones
_ROUNDING = 2e-6
_PAGE = 10_000
_FAISS = {"factory": "IVF1024,Flat", "parameters": "nprobe=32"}

Rows = NDArray[np.float32]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parts: dict[str, Callable[[argparse.Namespace], None]] = {
        "exact": _exact,
        "wide": _wide,
        "kinds": _kinds,
        "growth": _growth,
    }
    parser.add_argument("--part", action="append", choices=list(parts))
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--dim", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        _print_memory(given.memory, given.dim)
        return
    make(given.folder)
    print(f"{processor()}; {cores()} cores")
    for part in given.part or parts:
        print(f"\n{part}")
        parts[part](given)


def _exact(given: argparse.Namespace) -> None:
    rows, queries = _split(np.load(given.folder / "joined-2048.npy"))
    _beside_brute_force(rows, queries)


def _wide(given: argparse.Namespace) -> None:
    real = unit(np.load(given.folder / "joined-2048.npy", mmap_mode="r")[:, :384])
    rows, queries = _split(_more(real, 1_000_000 + _QUERIES))
    _beside_brute_force(rows, queries)


def _beside_brute_force(rows: Rows, queries: Rows) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "exact"
        index, seconds = _built("exact", rows, path)
        print(f"{rows.shape[0]:,} x {rows.shape[1]}: built in {seconds:.1f} s, ", end="")
        print(f"{path.stat().st_size / 1e6:,.0f} MB")
        ours = _milliseconds(lambda query: index.search(query[None], _K), queries)
        plain = _milliseconds(lambda query: _brute(rows, query), queries)
        scan = _milliseconds(_sqlite_vec(rows, Path(folder) / "vec.db"), queries[:5])
        print(f"exact {ours:.1f} ms, NumPy {plain:.1f} ms, sqlite-vec {scan:.1f} ms a query")
        print(f"exact / NumPy {ours / plain:.3f}, exact / sqlite-vec {ours / scan:.4f}")
        began = perf_counter()
        found = index.search(queries, _K)
        print(f"{len(queries)} queries at once: {len(queries) / (perf_counter() - began):,.0f}/s")
        _print_agreement(found.keys, found.scores, rows, queries)
        asking = ["--memory", str(path), "--dim", str(rows.shape[1])]
        memory = [sys.executable, "-m", "benchmarks.search", folder, *asking]
        print(subprocess.run(memory, check=True, capture_output=True, text=True).stdout, end="")


def _print_agreement(keys: Any, scores: Any, rows: Rows, queries: Rows) -> None:
    """Brute force in double precision settles which of two near equal scores is higher."""
    same = equal = 0
    for some in range(0, len(queries), 50):
        products = queries[some : some + 50] @ rows.T
        for line, near, score in zip(
            products, keys[some : some + 50], scores[some : some + 50], strict=True
        ):
            wanted = np.argpartition(-line, _K)[:_K]
            same += set(wanted.tolist()) == set(near.tolist())
            best = np.sort(line[wanted])[::-1]
            equal += bool(np.allclose(best, score, atol=_ROUNDING))
    print(f"the same {_K} as NumPy's for {same} of {len(queries)} queries, ", end="")
    print(f"the same scores to within {_ROUNDING} for {equal}")


def _kinds(given: argparse.Namespace) -> None:
    for name in ("compact-320", "joined-2048"):
        rows, queries = _split(np.load(given.folder / f"{name}.npy"))
        truth = [set(_brute(rows, query).tolist()) for query in queries]
        print(f"{rows.shape[0]:,} x {rows.shape[1]} ({name})")
        for kind, options, bare in (
            ("hnsw", {}, _bare_usearch),
            ("faiss", _FAISS, _bare_faiss),
        ):
            with TemporaryDirectory() as folder:
                _print_kind(kind, options, bare, rows, queries, truth, Path(folder))


def _print_kind(
    kind: str,
    options: dict[str, Any],
    bare: Callable[[Rows], Callable[[Rows], Any]],
    rows: Rows,
    queries: Rows,
    truth: list[set[int]],
    folder: Path,
) -> None:
    store = _catalogue(kind, options, rows, folder)
    alone = bare(rows)
    rounds = []
    for _ in range(5):  # alternating, so that disturbances affect both alike
        began = perf_counter()
        found = store.search(queries, _K)
        middle = perf_counter()
        near = alone(queries)
        rounds.append((perf_counter() - middle) / (middle - began))
    row_of = {key: row for row, key in enumerate(_keys(len(rows)).tolist())}
    ours = [{row_of[key] for key in line} for line in found.keys.tolist()]
    recall = np.mean([len(a & b) / _K for a, b in zip(ours, truth, strict=True)])
    theirs = np.mean([len(set(a) & b) / _K for a, b in zip(near.tolist(), truth, strict=True)])
    one = _milliseconds(lambda query: store.search(query[None], _K), queries)
    other = _milliseconds(lambda query: alone(query[None]), queries)
    print(f"  {kind} {options}: recall@10 {recall:.4f} (bare {theirs:.4f})")
    print(f"  queries/s of bare: {median(rounds):.2f} in a batch of {len(queries)}", end=", ")
    print(f"{other / one:.2f} one by one ({one:.2f} ms)")
    store.close()


def _bare_usearch(rows: Rows) -> Callable[[Rows], Any]:
    import faiss  # noqa: F401  before usearch (docs/why.md)
    from usearch.index import Index as Usearch

    index = Usearch(
        ndim=rows.shape[1],
        metric="ip",
        dtype="bf16",
        connectivity=16,
        expansion_add=128,
        expansion_search=96,
    )
    index.add(np.arange(len(rows)), rows)
    return lambda queries: np.atleast_2d(index.search(queries, _K).keys)


def _bare_faiss(rows: Rows) -> Callable[[Rows], Any]:
    import faiss

    index: Any = faiss.index_factory(rows.shape[1], _FAISS["factory"], faiss.METRIC_INNER_PRODUCT)
    index.train(rows[np.random.default_rng(_SEED).permutation(len(rows))])
    index.add(rows)
    index.nprobe = 32
    return lambda queries: index.search(queries, _K)[1]


def _growth(given: argparse.Namespace) -> None:
    real = np.load(given.folder / "compact-320.npy")
    lines = []
    for count in (10_000, 100_000, 1_000_000):
        rows, queries = _split(unit(_more(real, count + _QUERIES)))
        with TemporaryDirectory() as folder:
            path = Path(folder) / "rows"
            exact, filled = _built("exact", rows, path)
            truth = exact.search(queries, _K).scores[:, -1:]
            for kind in index_kinds("sqlite"):
                if not issubclass(load("indexes", kind), SegmentedVectors):
                    continue
                index, seconds = exact, filled
                if kind != "exact":
                    began = perf_counter()
                    index = make_index(kind, rows.shape[1], "cosine")
                    index.load(path)
                    seconds = perf_counter() - began
                latency = _milliseconds(lambda query, it=index: it.search(query[None], _K), queries)  # type: ignore[misc]
                recall = (index.search(queries, _K).scores >= truth - _ROUNDING).mean()
                files = [path, *path.parent.glob(f"rows.{kind}*")]
                size = sum(file.stat().st_size for file in files)
                lines.append((kind, count, seconds, size / 1e6, latency, float(recall)))
                print(
                    f"{kind:<8} {count:>9,}  built {seconds:7.1f} s  {size / 1e6:8,.0f} MB", end=""
                )
                print(f"  {latency:8.2f} ms  recall@10 {recall:.4f}", flush=True)
    if given.plot:
        _plot(lines, given.plot)


def _plot(lines: list[tuple[str, int, float, float, float, float]], out: Path) -> None:
    from imagefinder.visualization.plotting import empty_figure

    figure = empty_figure(10, 3.6)
    titles = "build time, s", "files, MB", "one query, ms"
    for panel, title in enumerate(titles):
        axes = figure.add_subplot(1, 3, panel + 1)
        for kind in dict.fromkeys(line[0] for line in lines):
            own = [line for line in lines if line[0] == kind]
            axes.plot([one[1] for one in own], [one[2 + panel] for one in own], "o-", label=kind)
        axes.set(xscale="log", yscale="log", xlabel="vectors of 320", title=title)
        axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, dpi=130)


def _split(rows: Rows) -> tuple[Rows, Rows]:
    """The vectors that are searched, and the queries."""
    rows = unit(rows)
    return rows[_QUERIES:], rows[:_QUERIES]


def _more(real: Rows, count: int) -> Rows:
    """``count`` vectors: the real ones, then random interpolations between near neighbors.

    At most half of the way, so that they stay close to real ones.
    """
    if count <= len(real):
        return np.asarray(real[:count])
    rng = np.random.default_rng(_SEED)
    made = [real]
    left = count - len(real)
    while left > 0:
        some = rng.integers(len(real), size=min(left, 5000))
        sample = real[rng.integers(len(real), size=4000)]
        near = np.argpartition(-(real[some] @ sample.T), 50, axis=1)[:, :50]
        toward = sample[near[np.arange(len(some)), rng.integers(50, size=len(some))]]
        share = rng.uniform(0.05, 0.5, (len(some), 1)).astype(np.float32)
        made.append(real[some] + share * (toward - real[some]))
        left -= len(some)
    return rng.permutation(np.concatenate(made))


def _built(kind: str, rows: Rows, path: Path) -> tuple[Index, float]:
    began = perf_counter()
    index = make_index(kind, rows.shape[1], "cosine")
    for start in range(0, len(rows), _PAGE):
        index.add(np.arange(start, min(len(rows), start + _PAGE)), rows[start : start + _PAGE])
        if index.pending_bytes > max(256 * 2**20, index.saved_bytes):
            index.save(path)
    index.save(path)
    return index, perf_counter() - began


def _catalogue(kind: str, options: dict[str, Any], rows: Rows, folder: Path) -> SqliteStore:
    recipe = Recipe("measured", {}, rows.shape[1], "cosine")
    store = SqliteStore.create(folder / "c.db", recipe)
    for start in range(0, len(rows), _PAGE):
        keys = range(start, min(len(rows), start + _PAGE))
        store.write([_entry(key, rows[key]) for key in keys])
    store.use_index(IndexChoice(kind, options))
    return store


def _entry(number: int, row: Rows) -> Entry:
    sha256 = hashlib.sha256(str(number).encode()).digest()
    files = (File(f"/images/{number}", 1),)
    return Entry(Record(key_of(sha256), sha256, 1, 1, 1, files), row[None])


def _keys(count: int) -> NDArray[np.int64]:
    every = [key_of(hashlib.sha256(str(number).encode()).digest()) for number in range(count)]
    return np.array(every, np.int64)


def _brute(rows: Rows, query: Rows) -> NDArray[np.intp]:
    return np.argpartition(-(rows @ query), _K)[:_K]


def _sqlite_vec(rows: Rows, path: Path) -> Callable[[Rows], Any]:
    connection = apsw.Connection(str(path))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.execute(
        f"CREATE VIRTUAL TABLE v USING vec0(e float[{rows.shape[1]}] distance_metric=cosine)"
    )
    with connection:
        connection.executemany(
            "INSERT INTO v (rowid, e) VALUES (?, ?)",
            ((number, row.tobytes()) for number, row in enumerate(rows)),
        )
    nearest = f"SELECT rowid, distance FROM v WHERE e MATCH ? AND k = {_K}"
    return lambda query: connection.execute(nearest, (query.tobytes(),)).fetchall()


def _milliseconds(search: Callable[[Rows], Any], queries: Rows) -> float:
    search(queries[0])
    times = []
    for query in queries[:_TIMED]:
        began = perf_counter()
        search(query)
        times.append(perf_counter() - began)
    return 1000 * median(times)


def _print_memory(path: Path, dim: int) -> None:
    """Peak memory of a process that opens a saved index and searches it."""
    before = _status("VmHWM")
    index = make_index("exact", dim, "cosine")
    index.load(path)
    queries = np.random.default_rng(_SEED).standard_normal((20, dim)).astype(np.float32)
    for query in queries:
        index.search(query[None], _K)
    print(f"a process that opens it and searches: {before} MB before,", end=" ")
    print(f"{_status('VmHWM')} MB at the peak,", end=" ")
    print(f"of which {_status('RssFile')} MB are pages of files, which the system may take back")


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


if __name__ == "__main__":
    main()
