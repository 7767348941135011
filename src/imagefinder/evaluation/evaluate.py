"""From a finder and what belongs together to a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import get_args

from imagefinder._utils.concurrency import batched
from imagefinder.errors import EvaluationError
from imagefinder.evaluation.ground_truth import (
    Truth,
    asked,
    by_folder,
    by_pairs,
    by_queries,
)
from imagefinder.evaluation.query_results import Judged, judged, together
from imagefinder.evaluation.rankings import Ranked, Rankings
from imagefinder.evaluation.report import Evaluation, Setting
from imagefinder.evaluation.summary import summarized
from imagefinder.finder import Finder
from imagefinder.types import Failure, Matcher, Measure, Progress

KS = (1, 5, 10)
DEPTH = 10_000
"""Places of a ranking that are looked at, if nothing is said."""
SHALLOW = 99
"""The same where the index is approximate, and would find more if asked for more."""

_EXACT = ("exact", "sqlite-vec")
_PAGE = 32  # queries searched with in one step
_SCORES = 200_000  # of either kind, kept for the histogram
_RESAMPLES = 1000
_CONFIDENCE = 0.95


def evaluate(
    finder: Finder,
    *,
    level: int = 1,
    queries: str | os.PathLike[str] | None = None,
    pairs: str | os.PathLike[str] | None = None,
    sample: int | None = None,
    ks: Sequence[int] = KS,
    depth: int | None = None,
    measures: Sequence[Measure] = (),
    rerank: str | Matcher | None = None,
    seed: int = 0,
    progress: Progress = iter,
) -> Evaluation:
    """How well a catalogue finds what belongs together, by its own ``search``.

    Every stored image asks for the others in its folder, or in folders of the same name,
    ``level`` levels up; or the images in the subfolders of ``queries`` ask for those in folders
    of the same names; or ``pairs`` is a CSV of queries and relevant images. ``sample`` is how
    many queries are asked, chosen by ``seed``. ``depth`` is how many places of each ranking are
    looked at: 10,000; 99 through an approximate index, which finds more if it is asked for more
    than ``search`` asks; or with ``rerank`` the largest of ``ks``; unless it is told.

    Raises EvaluationError if there is nothing to measure, PluginError for what the catalogue was
    not made for, and ValueError for numbers or measures that make no sense.
    """
    ks = tuple(sorted(set(ks)))
    _check(ks, sample, level, measures)
    if depth is None:
        depth = _depth(finder, ks[-1], rerank is not None)
    if depth < ks[-1]:
        raise ValueError(f"a depth of {depth} does not reach k = {ks[-1]}")
    truth = asked(_truth(finder, level, queries, pairs), sample, seed)
    images = len(finder)
    search = Rankings(finder, min(depth, images), measures, rerank)
    every, failed = _judged(search, truth, ks, images, progress)
    setting = Setting(
        encoder=finder.recipe.encoder,
        index=finder.store.index.kind,
        measures=tuple(measures),
        rerank=None if rerank is None else str(rerank),
        truth=truth.about,
        images=images,
        queries=len(every.questions),
        idle=truth.idle,
        depth=search.depth,
        cut=search.depth < images,
        ks=ks,
        seed=seed,
        resamples=_RESAMPLES,
        confidence=_CONFIDENCE,
    )
    return summarized(setting, every, truth, finder.store, (*truth.failed, *failed))


def _check(ks: Sequence[int], sample: int | None, level: int, measures: Sequence[Measure]) -> None:
    """Raises ValueError for what makes no sense."""
    if not ks or ks[0] < 1 or (sample is not None and sample < 1) or level < 1:
        raise ValueError("every k, sample and level must be at least 1")
    for measure in set(measures) - set(get_args(Measure)):
        raise ValueError(f"there is no measure {measure!r}: {', '.join(get_args(Measure))}")


def _depth(finder: Finder, k: int, reranked: bool) -> int:
    """As deep as rankings are what users get."""
    if reranked:
        return k
    return max(k, DEPTH if finder.store.index.kind in _EXACT else SHALLOW)


def _judged(
    search: Rankings, truth: Truth, ks: Sequence[int], images: int, progress: Progress
) -> tuple[Judged, list[Failure]]:
    """All questions, page by page; raises EvaluationError if none can be used."""
    failed: list[Failure] = []
    pages: list[Judged] = []
    most = -(-_SCORES // len(truth.questions))
    for questions in batched(progress(truth.questions), _PAGE):
        found = search(questions)
        failed.extend(one for one in found if isinstance(one, Failure))
        rankings = [one for one in found if isinstance(one, Ranked)]
        if rankings:
            pages.append(judged(rankings, truth, ks, images, most))
    if not pages:
        raise EvaluationError(f"no query can be used: {failed[0].path}: {failed[0].reason}")
    return together(pages), failed


def _truth(
    finder: Finder,
    level: int,
    queries: str | os.PathLike[str] | None,
    pairs: str | os.PathLike[str] | None,
) -> Truth:
    if queries is not None and pairs is not None:
        raise ValueError("either a folder of queries or pairs say what belongs together")
    if pairs is not None:
        return by_pairs(finder, pairs)
    if queries is not None:
        return by_queries(finder, queries, level)
    return by_folder(finder, level)
