"""How much of what is nearest each kind of index finds in a catalogue, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.errors import ImageFinderError, NotFound
from imagefinder.finder import Finder
from imagefinder.registry.factory import check_index_choice, make_index
from imagefinder.registry.plugins import plugins
from imagefinder.types import Features, Index, IndexChoice, Neighbors, Recipe

DEPTHS = (1, 10, 100)
_QUERIES = 1000
_ALONE = 200  # queries asked one by one
_K = 10
_LEAST = 100  # images
_PAGE = 1000  # images read at a time
_HELD = 256 * 2**20  # bytes of rows held in memory
_ROUNDING = 1e-6
_SEED = 7
_NO_INDEX = "sqlite-vec"


@dataclass(frozen=True)
class Audit:
    """One kind, measured beside ``exact`` on the same rows by the same queries."""

    choice: IndexChoice
    recall: Mapping[int, float] = field(default_factory=dict)
    """By depth k: the share of the k nearest rows that are among the first k found."""
    queries_per_second: float = 0.0
    """One query at a time."""
    batch_per_second: float = 0.0
    """All queries at once."""
    build_seconds: float = 0.0
    bytes: int = 0
    """Of its files."""
    failure: str = ""
    """Why it could not be measured."""


def audit(
    finder: Finder, choices: Sequence[IndexChoice] = (), queries: int = _QUERIES
) -> list[Audit]:
    """Measure kinds of index on a catalogue's own vectors; by default all that are installed.

    Some images are left out of the indexes, to be asked with. The first in the list is ``exact``.
    Raises NotFound for a catalogue with too few images, and PluginError for a kind that is none.
    """
    recipe = finder.recipe
    for choice in choices:
        check_index_choice(choice, recipe.dim, recipe.measure)
    others = choices or [IndexChoice(kind) for kind in plugins("indexes")]
    with TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        asked, seconds = _split(finder, queries, rows)
        exact = make_index("exact", recipe.dim, recipe.measure)
        exact.load(rows)
        truth = exact.search(asked, max(DEPTHS))
        audits = [_measured(IndexChoice("exact"), exact, asked, truth, seconds, rows)]
        audits += [
            _built(choice, recipe, asked, truth, rows)
            for choice in others
            if choice.kind not in ("exact", _NO_INDEX)
        ]
    return audits


def _split(finder: Finder, queries: int, rows: Path) -> tuple[Features, float]:
    """What to ask with; all else is written to ``rows``, which took so many seconds."""
    keys = finder.store.select()
    if len(keys) < _LEAST:
        raise NotFound(f"{len(keys)} images are too few to measure on: add at least {_LEAST}")
    chosen = np.random.default_rng(_SEED).permutation(keys)[: min(queries, len(keys) // 10)]
    left_out = set(chosen.tolist())
    asked, seconds = [], 0.0
    exact = make_index("exact", finder.recipe.dim, finder.recipe.measure)
    for some in batched(finder.store.iter_records(), _PAGE):
        asked += [features[:1] for record, features in some if record.key in left_out]
        kept = [(record.key, rows) for record, rows in some if record.key not in left_out]
        if not kept:
            continue
        began = perf_counter()
        names = np.repeat([key for key, _ in kept], [len(features) for _, features in kept])
        exact.add(names, np.concatenate([features for _, features in kept]))
        if exact.pending_bytes > max(_HELD, exact.saved_bytes):
            exact.save(rows)
        seconds += perf_counter() - began
    began = perf_counter()
    exact.save(rows)
    return np.concatenate(asked), seconds + perf_counter() - began


def _built(
    choice: IndexChoice, recipe: Recipe, asked: Features, truth: Neighbors, rows: Path
) -> Audit:
    try:
        index = make_index(choice.kind, recipe.dim, recipe.measure, choice.options)
        began = perf_counter()
        index.load(rows)  # it finds no structure for them, and makes one
        seconds = perf_counter() - began
    except ImageFinderError as error:
        return Audit(choice, failure=str(error))
    return _measured(choice, index, asked, truth, seconds, rows)


def _measured(
    choice: IndexChoice, index: Index, asked: Features, truth: Neighbors, seconds: float, rows: Path
) -> Audit:
    began = perf_counter()
    found = index.search(asked, max(DEPTHS))
    together = perf_counter() - began
    alone = asked[:_ALONE]
    began = perf_counter()
    for query in alone:
        index.search(query[None], _K)
    return Audit(
        choice,
        {depth: _recall(found, truth, depth) for depth in DEPTHS},
        len(alone) / (perf_counter() - began),
        len(asked) / together,
        seconds,
        sum(file.stat().st_size for file in (rows, *rows.parent.glob(f"rows.{choice.kind}*"))),
    )


def _recall(found: Neighbors, truth: Neighbors, depth: int) -> float:
    """A row as near as the last of the k nearest counts, whichever of the equal ones it is."""
    depth = min(depth, truth.scores.shape[1])
    last = truth.scores[:, depth - 1 : depth] - _ROUNDING
    return float((found.scores[:, :depth] >= last).mean())
