"""Groups of duplicates: the clusters of images, each with its best image and why that is best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.regions import rows_per_image
from imagefinder.images.locations import count_files, living_first
from imagefinder.near_duplicates.decisions import Decisions
from imagefinder.near_duplicates.quality import Comparison
from imagefinder.near_duplicates.star_clustering import Indices
from imagefinder.near_duplicates.traits import Traits, traits_of
from imagefinder.near_duplicates.verifiers import RowVerifier
from imagefinder.similarity import scores
from imagefinder.types import Features, Keys, Record
from imagefinder.verification.verify import Verification

_CACHED = 256  # traits of images
_NEAREST = 5  # images outside a group


@dataclass(frozen=True)
class NearDuplicate:
    """A copy of the best image of its group."""

    record: Record
    score: float
    """Against the best image of the group."""
    verification: Verification
    """The verdict on it and the best image."""
    why: tuple[str, ...]
    """Why the best image is better than this one, the most important reason first; at least one."""


@dataclass(frozen=True)
class DuplicateGroup:
    """One image that the catalogue holds more than once."""

    best: Record
    """The one that a person would keep, as far as the files tell (see ``quality``); one that still
    exists, if any does."""
    copies: tuple[NearDuplicate, ...]
    """Those with the most pixels first; empty if only identical files lie in several places."""

    @property
    def why(self) -> str:
        """The most important reason why the best image is better than the first of its copies."""
        return self.copies[0].why[0] if self.copies else "the same file"

    @property
    def spare_bytes(self) -> int:
        """The size of all files but one with the best image."""
        best = self.best.size * max(0, count_files(self.best) - 1)
        copies = (copy.record for copy in self.copies)
        return best + sum(copy.size * count_files(copy) for copy in copies)


@dataclass(frozen=True)
class Grouping:
    """Makes groups of clusters of rows."""

    catalogue: Catalogue
    keys: Keys
    """Of the rows."""
    file_counts: Indices
    """How many distinct files each row's image has."""
    rows: Features
    threshold: float | None
    """By which copies are told, if the verifier does not confirm them."""
    verifier: RowVerifier
    known: Decisions
    threads: Executor
    """In which files are read."""
    _traits: dict[int, Traits] = field(default_factory=dict, repr=False)
    """Those read last, by their rows: a cluster is compared twice."""

    def best_of(self, rows: Sequence[int]) -> int:
        """The row of a cluster, its center first, whose image a person would keep."""
        records = self._records(rows)
        rows = self._compatible(list(records)) or rows[:1]
        return rows[self._compared(rows, records).best] if records else rows[0]

    def as_found(self, clusters: Iterator[list[int]]) -> Iterator[tuple[int, DuplicateGroup]]:
        """The groups of the clusters, then of images with several identical files, each numbered.

        The numbers put those with the best images first.
        """
        is_alone = np.ones(len(self.keys), bool)
        for cluster in clusters:
            is_alone[cluster] = False
            yield from ((cluster[0], group) for group in self._groups_of(cluster))
        for row in np.flatnonzero((self.file_counts > 1) & is_alone).tolist():
            yield from ((row, group) for group in self._groups_of([row]))

    def identical_files(self) -> Iterator[DuplicateGroup]:
        """A group without copies for each image that has several identical files."""
        for row in np.flatnonzero(self.file_counts > 1).tolist():
            yield from (DuplicateGroup(one, ()) for one in self._records([row]).values())

    def _groups_of(self, rows: Sequence[int]) -> Iterator[DuplicateGroup]:
        """The group of a cluster, and what leaves it because it is no copy of its best image."""
        records = self._records(rows)
        group = self._group(records) if records else None
        grouped = set()
        if group is not None and group.copies:
            grouped = {group.best.key, *(copy.record.key for copy in group.copies)}
            yield group
        for row, record in records.items():
            if record.key not in grouped and self.file_counts[row] > 1:
                yield DuplicateGroup(record, ())

    def _records(self, rows: Sequence[int]) -> dict[int, Record]:
        """Without those that have been removed meanwhile."""
        stored = self.catalogue.store.get(self.keys[rows].tolist())
        return {
            row: living_first(stored[int(self.keys[row])])
            for row in rows
            if int(self.keys[row]) in stored
        }

    def _group(self, records: Mapping[int, Record]) -> DuplicateGroup:
        """The best of a cluster, whose center comes first, and its copies."""
        rows = self._compatible(list(records))
        compared = self._compared(rows, records)
        place = compared.best
        against = self._confirmed(rows[place], rows)
        copies = (
            NearDuplicate(records[row], *against[row], compared.why(place, other))
            for other, row in enumerate(rows)
            if row in against
        )
        return DuplicateGroup(records[rows[place]], tuple(copies))

    def _compared(self, rows: Sequence[int], records: Mapping[int, Record]) -> Comparison:
        traits = self._traits_of(rows, records)
        compared = Comparison(traits)
        if compared.are_turned and self.catalogue.recipe.measure == "cosine":
            compared = Comparison(traits, self._familiarities(rows))
        return compared

    def _traits_of(self, rows: Sequence[int], records: Mapping[int, Record]) -> list[Traits]:
        known = {row: self._traits[row] for row in rows if row in self._traits}
        missing = [row for row in rows if row not in known]
        if len(self._traits) > _CACHED:
            self._traits.clear()
        read = partial(traits_of, limits=self.catalogue.limits)
        found = self.threads.map(read, map(records.__getitem__, missing))
        known |= zip(missing, found, strict=True)
        self._traits.update(known)
        return [known[row] for row in rows]

    def _familiarities(self, rows: Sequence[int]) -> list[float]:
        """The mean score of each against the nearest images that are not among them."""
        own = self.keys[rows]
        depth = (_NEAREST + len(rows)) * rows_per_image(self.catalogue.recipe)
        near = self.catalogue.store.search(self.rows[rows], depth)
        means = []
        for keys, line in zip(near.keys, near.scores, strict=True):
            _, first = np.unique(keys, return_index=True)  # of each image its nearest region
            best = np.zeros(len(keys), bool)
            best[first] = True
            others = best & ~np.isin(keys, own) & (keys >= 0)
            means.append(float(line[others][:_NEAREST].sum() / _NEAREST))
        return means

    def _compatible(self, rows: Sequence[int]) -> list[int]:
        """Without those that someone has said to be no duplicate of one that comes before."""
        kept: list[int] = []
        for row in rows:
            key = int(self.keys[row])
            if not any(self.known.part(key, int(self.keys[other])) for other in kept):
                kept.append(row)
        return kept

    def _confirmed(self, best: int, rows: Sequence[int]) -> dict[int, tuple[float, Verification]]:
        """The scores and verdicts of those that are copies of the best too, by their rows."""
        others = [row for row in rows if row != best]
        if not others:
            return {}
        measure = self.catalogue.recipe.measure
        against = scores(measure, self.rows[best : best + 1], self.rows[others])[0].tolist()
        found = zip(others, against, self.verifier.verifications(best, others), strict=True)
        return {row: (score, one) for row, score, one in found if self._is_copy(score, one)}

    def _is_copy(self, score: float, found: Verification) -> bool:
        if self.threshold is not None:
            return score >= self.threshold
        return self.verifier.confirms(found)
