"""Impostor scores: the best score of each sampled image among images that are not related to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.labels import Labeler
from imagefinder.errors import CalibrationError
from imagefinder.images.limits import Limits
from imagefinder.images.ncc import NCC_THRESHOLD, is_sparse, max_ncc, shifted_ncc
from imagefinder.images.signature import stored_signature
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Keys, Progress, Record
from imagefinder.verification.pareto import Values
from imagefinder.verification.sample import FEWEST, QuerySample

_NEAREST = 8  # neighbors examined, to find the first that is not a copy
_BATCH = 1000
_SIMILAR = 0.6  # shots of one moment reach 0.7, unrelated photographs seldom 0.5
_SERIES = 3  # similar neighbors of an image that is one of a series


@dataclass
class Nearest:
    """The best unlabeled or differently labeled neighbors of n images found so far."""

    keys: Keys
    """``(n, 8)``, best first; -1 where there are fewer."""
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
    measure = catalogue.recipe.measure
    batches = list(range(0, len(catalogue), _BATCH))
    stored = batched(catalogue.store.iter_records(), _BATCH)
    for batch, _ in zip(stored, progress(batches), strict=False):
        keys = np.array([record.key for record, _ in batch])
        counts = [len(rows) for _, rows in batch]
        if not all(counts):
            raise CalibrationError("some images have no vectors: calibration needs one per image")
        rows = normalized_for(measure, np.concatenate([rows for _, rows in batch]))
        # the best of an image's regions, as in a search
        starts = np.cumsum([0, *counts[:-1]])
        found = np.maximum.reduceat(scores(measure, sample.rows, rows), starts, axis=1)
        found = found.astype(np.float64)
        found[own[:, None] == keys] = -np.inf
        if labels is not None and labeler is not None:
            same = labels[:, None] == np.array([labeler(record) for record, _ in batch])
            genuine = np.where(same, found, -np.inf).max(axis=1)
            nearest.genuine = np.maximum(nearest.genuine, genuine)
            found[same] = -np.inf
        nearest.merge(keys, found)
    return nearest


def scores_without_copies(
    catalogue: Catalogue, sample: QuerySample, nearest: Nearest, least: float, progress: Progress
) -> Values:
    """The best score of each image with a neighbor that is no copy of it, ``(n,)``.

    -inf for an image that is left out: all its neighbors are copies, it is one of a series of
    shots, or it and its neighbors are mostly plain, so that pixels prove nothing. Where too few
    would remain, series and plain images count. Neighbors that score below ``least`` are not
    copies, and their pixels are not compared.
    """
    candidates = {int(key) for key in nearest.keys[nearest.scores >= least]}
    records = catalogue.store.get(list(candidates)) | {one.key: one for one in sample.records}
    lines = list(zip(sample.records, nearest.keys.tolist(), nearest.scores.tolist(), strict=True))
    work = partial(_first_impostor, records=records, least=least, limits=catalogue.limits)
    with ThreadPoolExecutor(cores(), "ncc") as threads:
        best = prefetch_map(threads, work, progress(lines), ahead=4 * cores())
        proven, all_but_copies = np.array(list(best), np.float64).T
    enough = int(np.isfinite(proven).sum()) >= FEWEST
    return np.asarray(proven if enough else all_but_copies)


def _first_impostor(
    line: tuple[Record, list[int], list[float]],
    records: Mapping[int, Record],
    least: float,
    limits: Limits,
) -> tuple[float, float]:
    """The best score of a neighbor that is no copy; without series and plain images, and with."""
    record, keys, found = line
    own = stored_signature(record, limits) if found[0] >= least else None
    proven: list[float] = []
    all_but_copies: list[float] = []
    similar = 0
    for key, score in zip(keys, found, strict=True):
        is_near = own is not None and score >= least and key in records
        other = stored_signature(records[key], limits) if is_near else None
        if own is None or other is None:
            proven.append(score)
            all_but_copies.append(score)
            break
        correlation = max_ncc(own, [other])[0]
        is_plain = is_sparse(own) and is_sparse(other)
        if correlation < NCC_THRESHOLD:
            all_but_copies.append(score)
            proven += [] if is_plain else [score]
        if not is_plain:
            if max(correlation, shifted_ncc(own, other)) < _SIMILAR:
                break
            similar += 1
    in_series = similar >= _SERIES
    return _first([] if in_series else proven), _first(all_but_copies)


def _first(found: Sequence[float]) -> float:
    return found[0] if found else -np.inf
