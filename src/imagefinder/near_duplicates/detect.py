"""Images that are in a catalogue more than once: the same bytes in several places, and copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from tempfile import TemporaryFile
from typing import Literal, TypeAlias, get_args

import numpy as np

from imagefinder._utils.concurrency import batched, cores
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.errors import CalibrationError, ImageError, PluginError
from imagefinder.images.ncc import SAME, Look, likeness, look
from imagefinder.near_duplicates.star_clustering import Agree, Numbers, stars
from imagefinder.registry.factory import make_matcher
from imagefinder.search.calibration.classifier import kept
from imagefinder.similarity import dtype, normalized_for, scores
from imagefinder.types import Features, Progress, Record

Verify: TypeAlias = Literal["pixels", "geometry", "none"]

_PAGE = 1000
_LOOKS = 4096  # kept at a time, 16 kB each


@dataclass(frozen=True)
class Copy:
    """An image that another one stands for."""

    record: Record
    score: float
    """Against the best of its group."""


@dataclass(frozen=True)
class Group:
    """One image that is there more than once."""

    best: Record
    """With the most pixels, of these the largest file, of these the first by its path."""
    copies: tuple[Copy, ...]
    """Best first; none where the same bytes lie in several places."""

    @property
    def why(self) -> str:
        """Why the best is the best."""
        if not self.copies:
            return "the same file"
        other = self.copies[0].record
        if _pixels(self.best) > _pixels(other):
            return "more pixels"
        return "larger file" if self.best.size > other.size else "first by its path"


@dataclass(frozen=True)
class Duplicates:
    """What was found, and how."""

    groups: tuple[Group, ...]
    """Those with the best images first."""
    threshold: float
    """The score that copies reached at least."""
    verify: Verify
    unseen: int = 0
    """Images whose pixels could not be looked at, so that they are in no group of copies."""


def duplicates(
    catalogue: Catalogue,
    *,
    threshold: float | None = None,
    verify: Verify = "pixels",
    progress: Progress = iter,
) -> Duplicates:
    """Groups of copies: of each the best one, and those that are alike to it itself.

    Candidates score at least ``threshold``; without one the calibration says how low copies score.
    Then their files' ``pixels`` are laid over each other, or one ``geometry`` must explain their
    local features, or ``none`` of these: then the calibrated threshold of searches decides. Nothing
    is changed or deleted. Raises CalibrationError if there is neither threshold nor calibration,
    and PluginError for an encoder with several rows an image, or geometry without local features.
    """
    if verify not in get_args(Verify):
        raise ValueError(f"verify is one of {', '.join(get_args(Verify))}")
    if verify == "geometry" and catalogue.extractor is None:
        raise PluginError(
            "the catalogue was made without local features: make one with --local sift"
        )
    least = _least(catalogue, verify) if threshold is None else threshold
    keys, places = _ordered(catalogue)
    unseen: set[int] = set()
    with _vectors(catalogue, keys) as rows, ThreadPoolExecutor(cores(), "look") as threads:
        agree = _agreeing(catalogue, keys, verify, threads, unseen)
        heads = stars(catalogue.recipe.measure, rows, least, agree, progress)
        found = list(_grouped(catalogue, keys, rows, heads, places))
    return Duplicates(tuple(found), least, verify, len(unseen))


def _least(catalogue: Catalogue, verify: Verify) -> float:
    calibration = kept(catalogue.store, catalogue.recipe.measure)
    if calibration is None:
        raise CalibrationError(
            "nothing says yet how copies score: run imagefinder calibrate, or give --threshold"
        )
    return calibration.threshold(len(catalogue)) if verify == "none" else calibration.floor


def _ordered(catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """All keys, the best images first, and in how many places each lies."""
    keys: list[int] = []
    quality: list[tuple[int, int, str]] = []
    places: list[int] = []
    for page in batched(catalogue.store.select().tolist(), _PAGE):
        for key, record in catalogue.store.get(page).items():
            keys.append(key)
            quality.append((-_pixels(record), -record.size, record.path or record.id))
            places.append(len(record.files))
    order = sorted(range(len(keys)), key=quality.__getitem__)
    return np.array(keys, np.int64)[order], np.array(places, np.int64)[order]


@contextmanager
def _vectors(catalogue: Catalogue, keys: np.ndarray) -> Iterator[Features]:
    """The images' rows in the order of the keys, in a file that is mapped."""
    measure, dim = catalogue.recipe.measure, catalogue.recipe.dim
    place = {key: number for number, key in enumerate(keys.tolist())}
    with TemporaryFile() as file:
        # one row more, since nothing cannot be mapped
        rows: Features = np.memmap(file, dtype(measure), "w+", shape=(len(keys) + 1, dim))
        filled = np.zeros(len(keys) + 1, bool)
        for record, vectors in catalogue.store.iter_records():
            if len(vectors) != 1:
                raise PluginError(
                    f"{catalogue.recipe.encoder} sees images part by part: "
                    "only encoders with one vector an image can compare all pairs"
                )
            if record.key in place:  # or it has just been added
                rows[place[record.key]] = normalized_for(measure, vectors)[0]
                filled[place[record.key]] = True
        rows[~filled] = 0
        yield rows[:-1]


def _agreeing(
    catalogue: Catalogue, keys: np.ndarray, verify: Verify, threads: Executor, unseen: set[int]
) -> Agree | None:
    if verify == "none":
        return None
    if verify == "geometry":
        return _by_geometry(catalogue, keys, threads)

    @lru_cache(_LOOKS)
    def seen(number: int) -> Look | None:
        record = catalogue.store.get([int(keys[number])]).get(int(keys[number]))
        try:
            if record and record.path:
                return look(record.path, catalogue.limits)
        except ImageError:
            pass
        unseen.add(number)
        return None

    def agree(head: int, others: Sequence[int]) -> Sequence[bool]:
        own = seen(head)
        looks = list(threads.map(seen, others))
        if own is None:
            return [False] * len(looks)
        fits = iter(likeness(own, [one for one in looks if one is not None]).tolist())
        return [one is not None and next(fits) >= SAME for one in looks]

    return agree


def _by_geometry(catalogue: Catalogue, keys: np.ndarray, threads: Executor) -> Agree:
    matcher = make_matcher("geometric")

    def agree(head: int, others: Sequence[int]) -> Sequence[bool]:
        own = catalogue.store.local_features([int(keys[head])]).get(int(keys[head]))

        def explained(number: int) -> bool:
            key = int(keys[number])
            other = catalogue.store.local_features([key]).get(key)
            return bool(own and other and matcher.match(own, other).verified)

        return list(threads.map(explained, others))

    return agree


def _grouped(
    catalogue: Catalogue, keys: np.ndarray, rows: Features, heads: Numbers, places: np.ndarray
) -> Iterator[Group]:
    members: dict[int, list[int]] = {}
    for number in np.flatnonzero(heads != np.arange(len(heads))).tolist():
        members.setdefault(int(heads[number]), []).append(number)
    several = np.flatnonzero((places > 1) & (heads == np.arange(len(heads)))).tolist()
    for head in sorted({*members, *several}):
        copies = members.get(head, [])
        records = catalogue.store.get(keys[[head, *copies]].tolist())
        against = scores(catalogue.recipe.measure, rows[head : head + 1], rows[copies])[0]
        present = [
            Copy(records[key], score)
            for key, score in zip(keys[copies].tolist(), against.tolist(), strict=True)
            if key in records
        ]
        if int(keys[head]) in records:
            yield Group(records[int(keys[head])], tuple(present))


def _pixels(record: Record) -> int:
    return record.width * record.height
