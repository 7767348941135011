"""Candidates for near-duplicates among many vectors: time, memory, and recall.

The vectors are made: each mixes one of the given vectors with one of its nearest and any other, and
noise, so that they are spread as the given ones are; a fiftieth are near-duplicates planted at
known scores. The truth is an exact comparison of a sample of rows with all rows; its matrix
products give the time of those of all pairs.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder.near_duplicates.candidates import candidate_search
from imagefinder.near_duplicates.star_clustering import NEIGHBORS, star_clusters
from imagefinder.similarity import unit

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

LEVELS = (0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Scores of planted near-duplicates."""
_PLANTED = 0.02
_BLOCK = 20_000
_SAMPLE = 500
_TRUE = 10  # nearest neighbors of each row of the sample that should be found


@dataclass(frozen=True)
class Made:
    """Vectors, and the pairs planted among them."""

    vectors: Floats
    first: Indices
    second: Indices
    level: Floats


def print_candidates(given: Floats, count: int, least: float = 0.65) -> None:
    """Measure in processes of their own, and print."""
    made = make_vectors(unit(given), count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.npy"
        np.save(file, made.vectors)
        found, *figures = _apart(_search, file, least)
        _print(f"{NEIGHBORS} nearest that score {least}", figures)
        _print_recall(found, made)
        members, *figures = _apart(_cluster, file, 0.9)
        _print(f"star clusters from 0.9, {members} members", figures)


def _apart(measure: Callable[[Path, float], Any], file: Path, score: float) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (file, score))


def make_vectors(given: Floats, count: int) -> Made:
    """``given`` are of length 1."""
    rng = np.random.default_rng(0)
    near = np.argsort(-(given @ given.T), axis=1)[:, 1:51]
    originals = count - int(count * _PLANTED)
    vectors = np.empty((count, given.shape[1]), np.float32)
    for start in range(0, originals, _BLOCK):
        block = vectors[start : min(start + _BLOCK, originals)]
        one, any_other = rng.integers(len(given), size=(2, len(block)))
        other = near[one, rng.integers(near.shape[1], size=len(block))]
        weights, more = rng.random((2, len(block), 1), dtype=np.float32) * ([[[0.6]], [[0.4]]])
        mixed = given[one] * (1 - weights) + given[other] * weights + given[any_other] * more
        block[:] = unit((mixed + _noise(rng, block.shape, 0.35)).astype(np.float32))
    first = rng.permutation(originals)[: count - originals]
    level = np.resize(np.array(LEVELS, np.float32), len(first))
    vectors[originals:] = _at_score(rng, given, vectors[first], level[:, None])
    order = rng.permutation(count)
    place = np.empty_like(order)
    place[order] = np.arange(count)
    return Made(vectors[order], place[first], place[originals:], level)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> Floats:
    return rng.standard_normal(shape, np.float32) * np.float32(length / shape[1] ** 0.5)


def _at_score(rng: np.random.Generator, given: Floats, rows: Floats, level: Floats) -> Floats:
    """Vectors at these cosines from the rows, in directions in which the given ones differ."""
    one, other = rng.integers(len(given), size=(2, len(rows)))
    away = given[one] - given[other] + _noise(rng, rows.shape, 0.3)
    away -= (away * rows).sum(axis=1, keepdims=True) * rows
    return np.asarray(level * rows + np.sqrt(1 - level**2) * unit(away), np.float32)


class _Memory:
    """The most memory of its own, sampled at each step of a progress."""

    def __init__(self) -> None:
        self.peak = 0

    def __call__(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            yield item
            status = Path("/proc/self/status").read_text().partition("RssAnon:")[2]
            self.peak = max(self.peak, int(status.split()[0]) * 1024)


def _search(file: Path, least: float) -> tuple[NDArray[np.int64], float, float, int, int]:
    vectors, memory = np.load(file, mmap_mode="r"), _Memory()
    began, worked = perf_counter(), process_time()
    with candidate_search("cosine", vectors, least, memory) as search:
        pairs = [
            _pair(found.rows, found.others, len(vectors))
            for found in search.pairs(NEIGHBORS, memory)
        ]
    seconds, work = perf_counter() - began, process_time() - worked
    return np.unique(np.concatenate(pairs)), seconds, work, memory.peak, _peak()


def _cluster(file: Path, threshold: float) -> tuple[int, float, float, int, int]:
    vectors, memory = np.load(file, mmap_mode="r"), _Memory()
    began, worked = perf_counter(), process_time()
    clusters = star_clusters("cosine", vectors, threshold, progress=memory)
    members = sum(len(cluster) - 1 for cluster in clusters)
    return members, perf_counter() - began, process_time() - worked, memory.peak, _peak()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _print(title: str, figures: list[Any]) -> None:
    seconds, work, own, total = figures
    print(f"{title}: {seconds:.0f} s, {work:.0f} s of processor time; memory at most ", end="")
    print(f"{own / 1e6:.0f} MB of its own, {total / 1e6:.0f} MB with mapped files", flush=True)


def _exact(vectors: Floats, rows: Indices) -> tuple[Indices, Floats, float]:
    """The true nearest neighbors of these rows, their scores, and the seconds of the products."""
    found, seconds = [], 0.0
    for some in np.split(rows, range(100, len(rows), 100)):
        began = perf_counter()
        blocks = [vectors[some] @ vectors[s : s + _BLOCK].T for s in range(0, len(vectors), _BLOCK)]
        seconds += perf_counter() - began
        scores = np.concatenate(blocks, axis=1)
        scores[np.arange(len(some)), some] = -1
        nearest = np.argpartition(scores, -_TRUE, axis=1)[:, -_TRUE:]
        found.append((nearest, np.take_along_axis(scores, nearest, axis=1)))
    nearest, scores = (np.concatenate(column) for column in zip(*found, strict=True))
    return nearest, scores, seconds


def _print_recall(found: NDArray[np.int64], made: Made) -> None:
    count = len(made.vectors)
    rows = np.random.default_rng(1).permutation(count)[:_SAMPLE]
    nearest, scores, seconds = _exact(made.vectors, rows)
    print(f"32-bit products of all pairs: {seconds * count / len(rows) / 2:.0f} s (by a sample)")
    there = _found(found, rows[:, None], nearest, count)
    print(f"recall of the {_TRUE} nearest that score at least", end="")
    for level in LEVELS:
        if (reached := scores >= level).any():
            print(f"  {level}: {there[reached].mean():.4f} of {reached.sum()}", end="")
    there = _found(found, made.first, made.second, count)
    print("\nrecall of planted pairs by their score", end="")
    for level in LEVELS:
        print(f"  {level}: {there[made.level == np.float32(level)].mean():.4f}", end="")
    print(flush=True)


def _found(
    found: NDArray[np.int64], rows: Indices, others: Indices, count: int
) -> NDArray[np.bool_]:
    return np.isin(_pair(rows, others, count), found)


def _pair(rows: NDArray[Any], others: NDArray[Any], count: int) -> NDArray[np.int64]:
    """One number for both orders of a pair."""
    low, high = np.minimum(rows, others), np.maximum(rows, others)
    return np.asarray(low.astype(np.int64) * count + high)
