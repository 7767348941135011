"""Retrieval evaluation of a catalogue: queries, rankings, metrics, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias, Unpack

from imagefinder._utils.concurrency import batched
from imagefinder.errors import EvaluationError
from imagefinder.evaluation.batch_retrieval import BatchRetriever, RankedList, Retrieved
from imagefinder.evaluation.config import EvalConfig, EvalKeywords
from imagefinder.evaluation.ground_truth import (
    EvalQuery,
    GroundTruth,
    load_ground_truth,
    with_relevant,
)
from imagefinder.evaluation.query_results import QueryResults, concatenate, query_results
from imagefinder.evaluation.report import EvalSetup, Evaluation
from imagefinder.evaluation.summary import summarize
from imagefinder.finder import Finder
from imagefinder.types import Failure, Progress

DEPTH = 10_000
"""Ranks evaluated by default."""
APPROXIMATE_DEPTH = 99
"""The same with an approximate index."""

BatchSearch: TypeAlias = Callable[[BatchRetriever, Iterable[EvalQuery]], Iterator[list[Retrieved]]]
"""Searches with all queries: some of them at a time, each part in order, the parts in any."""

_EXACT = ("exact", "lance", "pgvector", "sqlite-vec")
_BATCH = 32  # queries searched in one step
_SCORES = 200_000  # of either kind, for the histogram
_RESAMPLES = 1000
_CONFIDENCE = 0.95


def evaluate(
    finder: Finder,
    config: EvalConfig | None = None,
    *,
    progress: Progress = iter,
    **keywords: Unpack[EvalKeywords],
) -> Evaluation:
    """How well a catalogue's own ``search`` retrieves relevant images.

    Keywords are the fields of EvalConfig, and take precedence over ``config``. By default every
    stored image is a query for the others in its folder, or in folders of the same name; or the
    images in the subfolders of ``queries`` are queries for those in folders of the same names; or
    ``pairs`` is a CSV file of queries and their relevant images.

    Raises EvaluationError if there is nothing to measure, PluginError for what the catalogue does
    not support, and ValueError for values that are out of range.
    """
    return evaluate_by(_search_here, finder, config, progress, keywords)


def evaluate_by(
    search: BatchSearch,
    finder: Finder,
    config: EvalConfig | None,
    progress: Progress,
    keywords: EvalKeywords,
) -> Evaluation:
    """The same, with the searches done by another program, or by many."""
    config = replace(config or EvalConfig(), **keywords)
    truth = with_relevant(load_ground_truth(finder, config), config.sample, config.seed)
    images = len(finder)
    retriever = BatchRetriever(
        finder, min(_depth(finder, config), images), config.measures, config.rerank
    )
    results, failed = _run(search, retriever, truth, config.cutoffs, images, progress)
    setup = EvalSetup(
        encoder=finder.recipe.encoder,
        index=finder.store.index.kind,
        measures=tuple(config.measures),
        rerank=None if config.rerank is None else str(config.rerank),
        ground_truth=truth.description,
        images=images,
        queries=len(results.queries),
        without_relevant=truth.without_relevant,
        depth=retriever.depth,
        truncated=retriever.depth < images,
        ks=config.cutoffs,
        seed=config.seed,
        resamples=_RESAMPLES,
        confidence=_CONFIDENCE,
    )
    return summarize(setup, results, truth, finder.store, (*truth.failed, *failed))


def _depth(finder: Finder, config: EvalConfig) -> int:
    """As deep as the rankings are those that users get."""
    if config.depth is not None:
        return config.depth
    if config.rerank is not None:
        return config.cutoffs[-1]
    exact = finder.store.index.kind in _EXACT
    return max(config.cutoffs[-1], DEPTH if exact else APPROXIMATE_DEPTH)


def _run(
    search: BatchSearch,
    retriever: BatchRetriever,
    truth: GroundTruth,
    ks: Sequence[int],
    images: int,
    progress: Progress,
) -> tuple[QueryResults, list[Failure]]:
    """All queries, batch by batch. Raises EvaluationError if none can be used."""
    failed: list[Failure] = []
    batches: list[QueryResults] = []
    most = -(-_SCORES // len(truth.queries))
    for found in search(retriever, progress(truth.queries)):
        failed.extend(one for one in found if isinstance(one, Failure))
        rankings = [one for one in found if isinstance(one, RankedList)]
        if rankings:
            batches.append(query_results(rankings, truth, ks, images, most))
    if not batches:
        raise EvaluationError(f"no query can be used: {failed[0].path}: {failed[0].reason}")
    return concatenate(_in_order(batches, truth.queries)), failed


def _search_here(
    retriever: BatchRetriever, queries: Iterable[EvalQuery]
) -> Iterator[list[Retrieved]]:
    return map(retriever, batched(queries, _BATCH))


def _in_order(batches: Sequence[QueryResults], queries: Sequence[EvalQuery]) -> list[QueryResults]:
    """As the queries are, which the bootstrap draws by their places."""
    places = {query: place for place, query in enumerate(queries)}
    return sorted(batches, key=lambda batch: places[batch.queries[0]])
