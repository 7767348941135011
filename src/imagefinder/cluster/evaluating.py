"""Workers that measure: how well images are retrieved, and what an index finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from imagefinder.cluster.worker import Worker
from imagefinder.evaluation.batch_retrieval import BatchRetriever, RankedList, Retrieved, failure_of
from imagefinder.evaluation.ground_truth import EvalQuery
from imagefinder.evaluation.index_benchmark import DEPTHS, recall_of_each
from imagefinder.images.limits import Limits
from imagefinder.stores.location import store_of
from imagefinder.stores.opening import open_store
from imagefinder.types import Failure, IndexChoice, Matcher, Measure, Recipe

_EXACT = {"lance": "lance", "postgres": "pgvector", "sqlite": "exact"}
"""The kind of index by which each store compares all vectors."""


@dataclass(frozen=True)
class RankedQuery:
    """A query of an evaluation, and what was found."""

    query: EvalQuery
    ranking: RankedList | None = None
    failure: str | None = None

    @property
    def retrieved(self) -> Retrieved:
        """As an evaluation takes it."""
        if self.ranking is None:
            return failure_of(self.query, self.failure or "")
        return self.ranking


class EvaluatingWorker(Worker):
    """Searches as an evaluation does."""

    def __init__(
        self,
        location: str,
        recipe: Recipe,
        limits: Limits,
        depth: int,
        measures: Sequence[Measure],
        rerank: str | Matcher | None,
    ) -> None:
        super().__init__(location, recipe, limits)
        self._retriever = BatchRetriever(self._finder, depth, measures, rerank)

    def process(self, shard: Sequence[RankedQuery]) -> list[RankedQuery]:
        """The queries with their rankings, or with the reason why there are none."""
        found = self._retriever([one.query for one in shard])
        return [_with(one, ranking) for one, ranking in zip(shard, found, strict=True)]


def _with(query: RankedQuery, found: Retrieved) -> RankedQuery:
    if isinstance(found, Failure):
        return replace(query, failure=found.reason)
    return replace(query, ranking=found)


@dataclass(frozen=True)
class AuditQuery:
    """A stored image that is searched with, and how much of what is nearest the index found."""

    key: int
    recall: Mapping[int, float] = field(default_factory=dict)
    """Recall@k by k."""
    failure: str | None = None


class AuditingWorker(Worker):
    """Searches by the catalogue's own index, and by comparing all vectors."""

    def __init__(self, location: str, recipe: Recipe, limits: Limits) -> None:
        super().__init__(location, recipe, limits)
        self._exact = open_store(location, IndexChoice(_EXACT[store_of(location)]))

    def process(self, shard: Sequence[AuditQuery]) -> list[AuditQuery]:
        """The queries with their recall; without the images that are gone or have no vectors."""
        features = self._finder.store.features_of([one.key for one in shard])
        queries = [one for one in shard if len(features.get(one.key, ()))]
        if not queries:
            return []
        rows = np.concatenate([features[one.key][:1] for one in queries])
        depth = max(DEPTHS)
        found, nearest = (store.search(rows, depth) for store in (self._finder.store, self._exact))
        recalls = {k: recall_of_each(found, nearest, k).tolist() for k in DEPTHS}
        return [
            replace(one, recall={k: some[place] for k, some in recalls.items()})
            for place, one in enumerate(queries)
        ]
