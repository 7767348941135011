"""Teach a catalogue what a match is: from its own images, and from copies made of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import PIL.Image

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.labels import Label, labelling
from imagefinder.encoders.inference import encode_each
from imagefinder.errors import CalibrationError, ImageError, UnencodableImage
from imagefinder.images.decode import decode
from imagefinder.images.files import read
from imagefinder.images.limits import Limits
from imagefinder.images.ncc import SAME, Look, likeness, look
from imagefinder.images.transforms import COPIES
from imagefinder.search.calibration.classifier import keep
from imagefinder.search.calibration.model import Calibration, Truth
from imagefinder.search.calibration.pareto import Numbers
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Image, Progress, Record, Resize

_SEARCHES = 2000
_COPIED = 150  # images of which copies are made
_FEWEST = 50  # images from which anything can be learnt
_NEAREST = 8  # of an image's neighbours are looked at, to find the first that is not its copy
_PAGE = 1000
_SIDE = 1024  # pixels of an image before it is changed: copies of huge ones would take long
_LEAST = 0.01  # of copies score below what is looked at


@dataclass(frozen=True)
class _Sample:
    """Images that search for the nearest other one."""

    records: list[Record]
    rows: Features
    """Prepared, ``(n, dim)``."""


@dataclass
class _Near:
    """The nearest unrelated images of each of n, and the nearest related one, so far."""

    keys: np.ndarray
    scores: np.ndarray
    related: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.related = np.full(len(self.keys), -np.inf)


def calibrate(
    catalogue: Catalogue,
    *,
    rate: float = 0.001,
    labels: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress = iter,
) -> Calibration:
    """Learn how unrelated images score, and matches, and keep it in the catalogue.

    Up to 2,000 stored images search for the nearest other one. Without ``labels`` a match is the
    same image, changed: matches are made, in twelve ways, from stored files, and a neighbour that
    shows the same pixels (``looks``) is not unrelated. With ``labels`` a match is an image of the
    same label (see ``labelling``): ``"folder"``, or a CSV file of pairs that belong together.
    ``rate`` is the share of searches without a match that may be told that there is one. Raises
    CalibrationError where too little is known, and ValueError for a rate that is no share.
    """
    if not 0 < rate < 1:
        raise ValueError("the rate of false matches lies between 0 and 1")
    rng = np.random.default_rng(seed)
    sample = _sampled(catalogue, rng)
    measure = catalogue.recipe.measure
    label = None if labels is None else labelling(labels)
    near = _searched(catalogue, sample, label, progress)
    if label is None:
        true, family = _of_copies(catalogue, sample, progress)
        best = _unrelated(catalogue, sample, near, float(np.quantile(true, _LEAST)), progress)
    else:
        true, family = near.related[np.isfinite(near.related)], None
        best = near.scores[:, 0]
    best = best[np.isfinite(best)]
    _check(best, true, label is not None)
    truth: Truth = "copies" if label is None else "labels"
    calibration = Calibration.learnt(measure, rate, len(catalogue), truth, best, true, family)
    keep(catalogue.store, calibration)
    return calibration


def _sampled(catalogue: Catalogue, rng: np.random.Generator) -> _Sample:
    keys = rng.permutation(catalogue.store.select())[:_SEARCHES].tolist()
    if len(keys) < _FEWEST:
        raise CalibrationError(
            f"{len(keys)} images are too few to learn from: add some, {_FEWEST} at least"
        )
    records = catalogue.store.get(keys)
    rows = [catalogue.store.features(key) for key in records]
    if any(len(row) != 1 for row in rows):
        raise CalibrationError(
            f"{catalogue.recipe.encoder} sees images part by part: "
            "only encoders with one vector an image can be calibrated"
        )
    return _Sample(
        list(records.values()), normalized_for(catalogue.recipe.measure, np.concatenate(rows))
    )


def _searched(
    catalogue: Catalogue,
    sample: _Sample,
    label: Label | None,
    progress: Progress,
) -> _Near:
    """All stored images, page by page, against the sample."""
    size = len(sample.records)
    near = _Near(np.full((size, _NEAREST), -1, np.int64), np.full((size, _NEAREST), -np.inf))
    own = np.array([record.key for record in sample.records])
    labels = np.array([label(record) for record in sample.records]) if label else None
    pages = list(range(0, len(catalogue), _PAGE))
    stored = batched(catalogue.store.iter_records(), _PAGE)
    for page, _ in zip(stored, progress(pages), strict=False):
        keys = np.array([record.key for record, _ in page])
        rows = np.concatenate([rows for _, rows in page])
        if len(rows) != len(keys):
            raise CalibrationError("the catalogue has images with several vectors, or with none")
        measure = catalogue.recipe.measure
        found = scores(measure, sample.rows, normalized_for(measure, rows)).astype(np.float64)
        found[own[:, None] == keys] = -np.inf
        if labels is not None and label is not None:
            same = labels[:, None] == np.array([label(record) for record, _ in page])
            related = np.where(same, found, -np.inf).max(axis=1)
            near.related = np.maximum(near.related, related)
            found[same] = -np.inf
        _take(near, keys, found)
    return near


def _take(near: _Near, keys: np.ndarray, found: np.ndarray) -> None:
    every = np.hstack([near.scores, found])
    named = np.hstack([near.keys, np.broadcast_to(keys, found.shape)])
    order = np.argpartition(-every, _NEAREST - 1, axis=1)[:, :_NEAREST]
    best = np.take_along_axis(every, order, axis=1)
    down = np.take_along_axis(order, np.argsort(-best, axis=1, kind="stable"), axis=1)
    near.scores = np.take_along_axis(every, down, axis=1)
    near.keys = np.take_along_axis(named, down, axis=1)


def _unrelated(
    catalogue: Catalogue, sample: _Sample, near: _Near, least: float, progress: Progress
) -> Numbers:
    """Of each image its best score among those that are not its copies; -inf if all are."""
    wanted = {int(key) for key in near.keys[near.scores >= least]}
    records = catalogue.store.get(list(wanted)) | {one.key: one for one in sample.records}
    lines = zip(sample.records, near.keys.tolist(), near.scores.tolist(), strict=True)
    work = partial(_first_other, records=records, least=least, limits=catalogue.limits)
    with ThreadPoolExecutor(cores(), "look") as threads:
        ahead = 4 * cores()
        done = prefetch_map(threads, work, progress(list(lines)), ahead)
        return np.fromiter(done, np.float64)


def _first_other(
    line: tuple[Record, list[int], list[float]],
    records: Mapping[int, Record],
    least: float,
    limits: Limits,
) -> float:
    record, keys, found = line
    own = _look_at(record, limits) if found[0] >= least else None
    for key, score in zip(keys, found, strict=True):
        if own is None or score < least:
            return score
        other = _look_at(records[key], limits) if key in records else None
        if other is None or likeness(own, [other])[0] < SAME:
            return score
    return -np.inf


def _look_at(record: Record, limits: Limits) -> Look | None:
    try:
        return look(record.path, limits) if record.path else None
    except ImageError:
        return None


def _of_copies(
    catalogue: Catalogue, sample: _Sample, progress: Progress
) -> tuple[Numbers, Numbers]:
    """How copies, made of stored files, score against their originals, and also each other."""
    true: list[Numbers] = []
    family: list[Numbers] = []
    changed = partial(_changed, resize=catalogue.encoder.resize, limits=catalogue.limits)
    chosen = _still_there(sample, catalogue.limits)
    measure = catalogue.recipe.measure
    with ThreadPoolExecutor(cores(), "copy") as threads:
        images = prefetch_map(threads, changed, progress(chosen), ahead=2 * cores())
        for row, copies in images:
            rows = encode_each(catalogue.encoder, copies)
            made = [one for one in rows if not isinstance(one, UnencodableImage)]
            every = np.concatenate([sample.rows[row : row + 1], *made])
            every[1:] = normalized_for(measure, every[1:])
            compared = scores(measure, every, every).astype(np.float64)
            true.append(compared[0, 1:])
            family.append(compared[np.triu_indices(len(every), 1)])
    if not any(map(len, true)):
        raise CalibrationError(
            "no stored image's file is there, from which copies could be made: "
            "say with --labels which images belong together"
        )
    return np.concatenate(true), np.concatenate(family)


def _still_there(sample: _Sample, limits: Limits) -> list[tuple[int, str]]:
    """The numbers of some images in the sample, and a file that has not changed."""
    chosen: list[tuple[int, str]] = []
    for row, record in enumerate(sample.records):
        if record.path and _is_unchanged(record, record.path, limits):
            chosen.append((row, record.path))
        if len(chosen) == _COPIED:
            break
    return chosen


def _is_unchanged(record: Record, path: str, limits: Limits) -> bool:
    try:
        return hashlib.sha256(read(path, limits)).digest() == record.sha256
    except ImageError:
        return False


def _changed(given: tuple[int, str], resize: Resize, limits: Limits) -> tuple[int, list[Image]]:
    row, path = given
    image = PIL.Image.fromarray(decode(path, Resize(_SIDE, _SIDE, mode="within"), limits).pixels)
    return row, [decode(change(image), resize, limits).pixels for change in COPIES.values()]


def _check(best: Numbers, true: Numbers, labelled: bool) -> None:
    if labelled and len(true) < _FEWEST:
        raise CalibrationError(
            f"only {len(true)} images have another one of their label: {_FEWEST} are needed"
        )
    if len(best) < _FEWEST:
        raise CalibrationError(
            "too few images are unrelated to others: "
            + ("all have one label" if labelled else "nearly all are copies of each other")
        )
    if np.ptp(best) < 1e-6:
        raise CalibrationError("all images look alike to the encoder: nothing can be learnt")
