"""Near-duplicate detection: identical files in several places, and modified copies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

import numpy as np

from imagefinder._utils.concurrency import batched, cores
from imagefinder._utils.mapped_file import mapped_file
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.regions import whole_rows
from imagefinder.errors import CalibrationError, PluginError
from imagefinder.images.locations import count_files
from imagefinder.near_duplicates.decisions import Decisions, decisions
from imagefinder.near_duplicates.groups import DuplicateGroup, Grouping
from imagefinder.near_duplicates.star_clustering import Indices, Verifier, star_clusters
from imagefinder.near_duplicates.verifiers import RowVerifier, Unverified, Verify
from imagefinder.similarity import dtype, normalized_for
from imagefinder.types import Features, Keys, Progress, Record
from imagefinder.verification.criteria import Criteria, criteria_of

_BATCH = 1000  # records read from the store at a time


@dataclass(frozen=True)
class Duplicates:
    """All groups, and how they were found."""

    groups: tuple[DuplicateGroup, ...]
    """In order of the quality of their best images."""
    threshold: float
    """The least score of a copy."""
    verify: Verify
    unreadable: int = 0
    """Candidates whose files could not be read, so that they are in no group of copies."""
    undecided: int = 0
    """Pairs of candidates that show too little to be compared: blank pages, icons, slides."""
    undecided_examples: tuple[tuple[Record, Record], ...] = ()
    """The first of these pairs."""

    @property
    def spare_bytes(self) -> int:
        """What would be free without the copies."""
        return sum(group.spare_bytes for group in self.groups)


@dataclass(frozen=True)
class DuplicateSearch:
    """A search for near-duplicates that is under way."""

    threshold: float
    """The least score of a copy."""
    verify: Verify
    grouping: Grouping
    clusters: Iterator[list[int]]
    unverified: Unverified
    """What could not be compared so far."""

    def identical_files(self) -> Iterator[DuplicateGroup]:
        """The images that have several identical files, which is known before any comparison."""
        return self.grouping.identical_files()

    def groups(self) -> Iterator[tuple[int, DuplicateGroup]]:
        """Each as it is found, after the number of its place among them all, best images first.

        Identical files of an image without copies come last.
        """
        return self.grouping.as_found(self.clusters)


@dataclass(frozen=True)
class _Ranked:
    """All images of a catalogue, best quality first, and those whose files are gone last."""

    keys: Keys
    file_counts: Indices
    """The number of distinct files of each that exist."""


def duplicates(
    catalogue: Catalogue,
    *,
    threshold: float | None = None,
    verify: Verify = "pixels",
    progress: Progress = iter,
) -> Duplicates:
    """Groups of near-duplicates: in each the best image, and its copies.

    Candidates score at least ``threshold``; by default that is what nearly all copies reach.
    ``verify`` confirms those that a search would call the same image by their ``pixels``, or the
    same thing by the ``geometry`` of their local features too, or confirms none (``none``; the
    default threshold is then the match threshold). Nothing is changed or deleted. Raises
    CalibrationError if there is no threshold for ``none``, and PluginError for an encoder with
    several vectors per image, or for geometry without local features.
    """
    found = searching(catalogue, threshold=threshold, verify=verify, progress=progress)
    with found as search:
        numbered = sorted(search.groups(), key=lambda one: one[0])
        groups = tuple(group for _, group in numbered)
        grouping, unverified = search.grouping, search.unverified
        examples = tuple(_pairs(catalogue, grouping.keys, unverified.examples))
    return Duplicates(
        groups,
        search.threshold,
        verify,
        len(unverified.unreadable),
        unverified.undecided,
        examples,
    )


@contextmanager
def searching(
    catalogue: Catalogue,
    *,
    threshold: float | None = None,
    verify: Verify = "pixels",
    progress: Progress = iter,
) -> Iterator[DuplicateSearch]:
    """The same, for who does not wait for all groups: as they are found."""
    if verify not in get_args(Verify):
        raise ValueError(f"verify must be one of {', '.join(get_args(Verify))}")
    if threshold is not None and not math.isfinite(threshold):
        raise ValueError("threshold must be a finite number")
    if verify == "geometry" and catalogue.extractor is None:
        raise PluginError(
            "the catalogue has no local features: create one with --local sift to verify geometry"
        )
    criteria = criteria_of(catalogue.store, len(catalogue))
    least = _default_threshold(criteria, verify) if threshold is None else threshold
    ranked = _by_quality(catalogue)
    with (
        _vectors(catalogue, ranked.keys, progress) as rows,
        ThreadPoolExecutor(cores(), "verify") as threads,
    ):
        verifier = RowVerifier(catalogue, ranked.keys, rows, criteria, verify, threads)
        known = decisions(catalogue.store)
        parting = _parting(None if verify == "none" else verifier.confirm, known, ranked.keys)
        grouping = Grouping(
            catalogue,
            ranked.keys,
            ranked.file_counts,
            rows,
            None if verify != "none" else least,
            verifier,
            known,
            threads,
        )
        clusters = star_clusters(
            catalogue.recipe.measure, rows, least, parting, progress, choose=grouping.best_of
        )
        yield DuplicateSearch(least, verify, grouping, clusters, verifier.unverified)


def _default_threshold(criteria: Criteria, verify: Verify) -> float:
    if verify == "none":
        if criteria.by_score is None:
            raise CalibrationError(
                "no match threshold for this encoder: run imagefinder calibrate, or give "
                "--threshold"
            )
        return criteria.least_score
    # without one, the nearest neighbors are the candidates, whatever they score
    return criteria.by_score.duplicate_threshold if criteria.by_score else 0.0


def _by_quality(catalogue: Catalogue) -> _Ranked:
    keys: list[int] = []
    quality: list[tuple[bool, int, int, str]] = []
    file_counts: list[int] = []
    for batch in batched(catalogue.store.select().tolist(), _BATCH):
        for key, record in catalogue.store.get(batch).items():
            count = count_files(record)
            is_gone = bool(record.files) and not count
            keys.append(key)
            path = record.path or record.id
            quality.append((is_gone, -_pixels(record), -record.size, path))
            file_counts.append(count)
    order = sorted(range(len(keys)), key=quality.__getitem__)
    return _Ranked(np.array(keys, np.int64)[order], np.array(file_counts, np.intp)[order])


@contextmanager
def _vectors(catalogue: Catalogue, keys: Keys, progress: Progress) -> Iterator[Features]:
    """The images' vectors in the order of the keys, in a memory-mapped temporary file."""
    measure, dim = catalogue.recipe.measure, catalogue.recipe.dim
    order = np.argsort(keys)
    ascending = np.append(keys[order], -1)
    with mapped_file((len(keys), dim), dtype(measure)) as rows:
        for batch in progress(batched(catalogue.store.iter_records(), _BATCH)):
            whole = [whole_rows(catalogue.recipe, vectors) for _, vectors in batch]
            if any(len(row) != 1 for row in whole):
                raise PluginError(
                    f"{catalogue.recipe.encoder} gives several vectors per image; "
                    "near-duplicate detection needs a global encoder"
                )
            stored = np.array([record.key for record, _ in batch])
            places = np.searchsorted(ascending[:-1], stored)
            known = ascending[places] == stored  # others have just been added
            vectors = np.concatenate(whole)[known]
            rows[order[places[known]]] = normalized_for(measure, vectors)
        yield rows


def _parting(verifier: Verifier | None, known: Decisions, keys: Keys) -> Verifier | None:
    """A verifier that also rejects what was said to be no duplicates."""
    if not known.sets:
        return verifier

    def verify(center: int, others: Sequence[int]) -> Sequence[bool]:
        near = [not known.part(int(keys[center]), int(keys[other])) for other in others]
        left = [other for other, is_near in zip(others, near, strict=True) if is_near]
        verdicts = iter(verifier(center, left) if verifier and left else [True] * len(left))
        return [is_near and next(verdicts) for is_near in near]

    return verify


def _pairs(
    catalogue: Catalogue, keys: Keys, rows: Sequence[tuple[int, int]]
) -> Iterator[tuple[Record, Record]]:
    """The records of these pairs of rows, but for those that have been removed meanwhile."""
    named = [(int(keys[one]), int(keys[other])) for one, other in rows]
    records = catalogue.store.get([key for pair in named for key in pair])
    for one, other in named:
        if one in records and other in records:
            yield records[one], records[other]


def _pixels(record: Record) -> int:
    return record.width * record.height
