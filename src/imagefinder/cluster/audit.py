"""Audit: what the index of a catalogue finds of what is nearest, on a sample, by a cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.cluster.evaluating import AuditingWorker, AuditQuery
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.session import ray_session
from imagefinder.cluster.worker_pool import worker_pool
from imagefinder.errors import NotFound
from imagefinder.evaluation.index_benchmark import DEPTHS
from imagefinder.stores.opening import located
from imagefinder.types import Failure, IndexChoice, Progress, id_of

_QUERIES = 1000


@dataclass(frozen=True)
class IndexAudit:
    """The index that a catalogue is searched by, compared with a comparison of all vectors."""

    choice: IndexChoice
    recall: Mapping[int, float]
    """Recall@k by k: the share of the k nearest vectors that are among the first k found."""
    queries: int
    failed: tuple[Failure, ...] = ()


def audit(
    catalogue: Catalogue,
    location: str | os.PathLike[str],
    queries: int = _QUERIES,
    options: ClusterOptions | None = None,
    *,
    seed: int = 0,
    progress: Progress = iter,
) -> IndexAudit:
    """Measure what a catalogue's own index finds, with stored images chosen at random.

    As in ``imagefinder index audit`` for what a store answers itself, an image that is searched
    with is among those that are found. ``location`` is where the workers find the catalogue.
    Raises NotFound for an empty catalogue, and ClusterError.
    """
    options = options or ClusterOptions()
    keys = catalogue.store.select()
    chosen = np.random.default_rng(seed).permutation(keys)[:queries]
    waiting = map(AuditQuery, progress(np.sort(chosen).tolist()))
    done: list[AuditQuery] = []
    with ray_session(options.address) as ray:
        pool = worker_pool(ray, options, AuditingWorker, str(located(location)), catalogue)
        for answered in pool.process(batched(waiting, options.shard)):
            done += answered
    measured = [one.recall for one in done if one.failure is None]
    if not measured:
        raise NotFound("there is no image with a vector to search with: add some")
    return IndexAudit(
        catalogue.store.index,
        {k: float(np.mean([recall[k] for recall in measured])) for k in DEPTHS},
        len(measured),
        tuple(Failure(id_of(one.key), one.failure) for one in done if one.failure),
    )
