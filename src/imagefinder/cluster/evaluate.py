"""Evaluate: retrieval metrics, with the searches done by all machines of a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Unpack

from imagefinder._utils.concurrency import batched
from imagefinder.cluster.evaluating import EvaluatingWorker, RankedQuery
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.session import ray_session
from imagefinder.cluster.worker_pool import worker_pool
from imagefinder.evaluation.batch_retrieval import BatchRetriever, Retrieved
from imagefinder.evaluation.config import EvalConfig, EvalKeywords
from imagefinder.evaluation.evaluate import evaluate_by
from imagefinder.evaluation.ground_truth import EvalQuery
from imagefinder.evaluation.report import Evaluation
from imagefinder.finder import Finder
from imagefinder.stores.opening import located
from imagefinder.types import Progress


def evaluate(
    finder: Finder,
    location: str | os.PathLike[str],
    config: EvalConfig | None = None,
    options: ClusterOptions | None = None,
    *,
    progress: Progress = iter,
    **keywords: Unpack[EvalKeywords],
) -> Evaluation:
    """The metrics of ``imagefinder.evaluation.evaluate``, with the searches done by a cluster.

    ``location`` is where the workers find the catalogue; a folder of queries, or files that pairs
    name, must have the same paths on all machines. Raises ClusterError, and what the other raises.
    """
    search = partial(_search, str(located(location)), options or ClusterOptions())
    return evaluate_by(search, finder, config, progress, keywords)


def _search(
    location: str, options: ClusterOptions, retriever: BatchRetriever, queries: Iterable[EvalQuery]
) -> Iterator[list[Retrieved]]:
    """A BatchSearch by the workers of a cluster."""
    how = retriever.depth, retriever.measures, retriever.rerank
    with ray_session(options.address) as ray:
        pool = worker_pool(ray, options, EvaluatingWorker, location, retriever.finder, *how)
        for ranked in pool.process(batched(map(RankedQuery, queries), options.shard)):
            yield [one.retrieved for one in ranked]
