"""Impostor scores: the best score of each sampled image among images that are not related to it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.labels import Labeler
from imagefinder.encoders.regions import whole_rows
from imagefinder.errors import CalibrationError
from imagefinder.images.ncc import align, shifted_ncc
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Keys, Progress, Record, Signature
from imagefinder.verification.criteria import Criteria
from imagefinder.verification.evidence import evidence_columns, is_undecided
from imagefinder.verification.pareto import Values
from imagefinder.verification.sample import FEWEST, QuerySample
from imagefinder.verification.verdict_model import COLUMNS

_NEAREST = 10  # neighbors examined: as many as a search verifies
_BATCH = 1000
_SIMILAR = 0.6  # shots of one moment reach 0.7, unrelated photographs seldom 0.5
_SERIES = 3  # similar neighbors of an image that is one of a series


@dataclass
class Nearest:
    """The best unlabeled or differently labeled neighbors of n images found so far."""

    keys: Keys
    """``(n, 10)``, best first; -1 where there are fewer."""
    scores: Values
    genuine: Values = field(init=False)
    """The best score with the same label, ``(n,)``; -inf if there is none."""

    def __post_init__(self) -> None:
        self.genuine = np.full(len(self.keys), -np.inf)

    def merge(self, keys: Keys, found: Values) -> None:
        """Keep the best of these and further neighbors, ``(m,)`` and ``(n, m)``."""
        every = np.hstack([self.scores, found])
        named = np.hstack([self.keys, np.broadcast_to(keys, found.shape)])
        order = np.argpartition(-every, _NEAREST - 1, axis=1)[:, :_NEAREST]
        best = np.take_along_axis(every, order, axis=1)
        order = np.take_along_axis(order, np.argsort(-best, axis=1, kind="stable"), axis=1)
        self.scores = np.take_along_axis(every, order, axis=1)
        self.keys = np.take_along_axis(named, order, axis=1)


def nearest_neighbors(
    catalogue: Catalogue, sample: QuerySample, labeler: Labeler | None, progress: Progress
) -> Nearest:
    """The sample compared with all stored images, batch by batch; without the images themselves."""
    size = len(sample.records)
    nearest = Nearest(np.full((size, _NEAREST), -1, np.int64), np.full((size, _NEAREST), -np.inf))
    own = np.array([record.key for record in sample.records])
    labels = np.array([labeler(record) for record in sample.records]) if labeler else None
    recipe, measure = catalogue.recipe, catalogue.recipe.measure
    batches = list(range(0, len(catalogue), _BATCH))
    stored = batched(catalogue.store.iter_records(), _BATCH)
    for batch, _ in zip(stored, progress(batches), strict=False):
        keys = np.array([record.key for record, _ in batch])
        whole = [whole_rows(recipe, rows) for _, rows in batch]
        if any(len(rows) != 1 for rows in whole):
            raise CalibrationError("some images have no vectors: calibration needs one per image")
        rows = normalized_for(measure, np.concatenate(whole))
        found = scores(measure, sample.rows, rows).astype(np.float64)
        found[own[:, None] == keys] = -np.inf
        if labels is not None and labeler is not None:
            same = labels[:, None] == np.array([labeler(record) for record, _ in batch])
            genuine = np.where(same, found, -np.inf).max(axis=1)
            nearest.genuine = np.maximum(nearest.genuine, genuine)
            found[same] = -np.inf
        nearest.merge(keys, found)
    return nearest


@dataclass(frozen=True)
class Impostors:
    """What the sampled images reach with images that are no copies of them."""

    scores: Values
    """The best score of each image that counts, ``(n,)``."""
    columns: list[Values]
    """For each image that counts, the evidence of its nearest neighbors, ``(at most 10, d)``."""


def impostors(
    catalogue: Catalogue,
    sample: QuerySample,
    nearest: Nearest,
    criteria: Criteria,
    progress: Progress,
) -> Impostors:
    """The sample compared with its nearest neighbors, without those that are copies.

    A neighbor is a copy if the ``criteria`` say so. An image is left out if all its
    neighbors are copies, if it is one of a series of shots, or if it and its neighbors are mostly
    plain, so that pixels prove nothing; where too few images would remain, these scores count.
    """
    compare = _NeighborComparison(catalogue, criteria)
    lines = list(zip(sample.records, nearest.keys.tolist(), nearest.scores.tolist(), strict=True))
    with ThreadPoolExecutor(cores(), "ncc") as threads:
        found = list(prefetch_map(threads, compare, progress(lines), ahead=4 * cores()))
    proven = [one.proven for one in found if one.proven is not None]
    if len(proven) < FEWEST:
        proven = [one.not_copy for one in found if one.not_copy is not None]
    columns = [one.columns for one in found if len(one.columns)]
    return Impostors(np.array(proven, np.float64), columns)


@dataclass(frozen=True)
class _Compared:
    """An image and its neighbors."""

    proven: float | None
    """The best score of a neighbor that the pixels tell from a copy, outside of series."""
    not_copy: float | None
    """The best score of a neighbor that is no copy."""
    columns: Values
    """Of neighbors that are comparable and no copies."""


@dataclass(frozen=True)
class _NeighborComparison:
    catalogue: Catalogue
    criteria: Criteria

    def __call__(self, line: tuple[Record, list[int], list[float]]) -> _Compared:
        record, keys, found = line
        known = [(key, score) for key, score in zip(keys, found, strict=True) if key >= 0]
        own, others = self._signatures(record, [key for key, _ in known])
        pairs = [(others[key], score) for key, score in known if key in others]
        if own is None or not pairs:
            best = known[0][1] if known else None
            return _Compared(best, best, np.empty((0, len(COLUMNS))))
        return self._compared(own, pairs)

    def _compared(self, own: Signature, pairs: Sequence[tuple[Signature, float]]) -> _Compared:
        aligned = align(own, [signature for signature, _ in pairs])
        scores = [score for _, score in pairs]
        columns = evidence_columns(self.criteria.measure, aligned, scores)
        logits = self.criteria.model.logits(columns)
        is_copy = logits >= self.criteria.least_logit
        undecided = np.array(
            [
                is_undecided(own, other, one.correlation)
                for (other, _), one in zip(pairs, aligned, strict=True)
            ]
        )
        similar = [
            max(one.correlation, shifted_ncc(own, other)) >= _SIMILAR
            for (other, _), one in zip(pairs, aligned, strict=True)
        ]
        in_series = sum(similar) >= _SERIES
        proven = [] if in_series else np.array(scores)[~is_copy & ~undecided].tolist()
        not_copy = np.array(scores)[~is_copy].tolist()
        return _Compared(
            max(proven, default=None), max(not_copy, default=None), columns[~is_copy & ~undecided]
        )

    def _signatures(
        self, record: Record, keys: Sequence[int]
    ) -> tuple[Signature | None, dict[int, Signature]]:
        store = self.catalogue.store
        stored = store.signatures([record.key, *keys])
        return stored.pop(record.key, None), stored
