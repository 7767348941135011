"""Approximate nearest neighbors (ANN): what all kinds of approximate index share.

A library's structure proposes candidates, whose exact scores are then computed from the vectors
themselves. The structure covers the saved segment as it was when it was built. Segments added since
are searched by brute force, tombstones are skipped, and a search in a subset of keys does without
the structure: results always describe the images that are stored now.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.extras import check_extra
from imagefinder.errors import IndexDamaged
from imagefinder.indexes.array_file import checksum_of, stored_checksum
from imagefinder.indexes.brute_force import brute_force
from imagefinder.indexes.segment import RowNumbers, Segment
from imagefinder.indexes.segmented import SegmentedVectors
from imagefinder.indexes.topk import concatenate, empty_neighbors, merge_top_k, top_k
from imagefinder.similarity import normalized_for, scores_of_each
from imagefinder.types import Features, Keys, Measure, Neighbors

_BATCH = 1000  # queries at a time
_SAMPLE = 32  # vectors by which a structure is tried
_FIRST = 10  # candidates among which each should be
_GATHERED = 16 * 2**20  # bytes of candidates scored at a time

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Built:
    """A structure and the vectors that it covers: its item i is row i of them."""

    structure: Any
    vectors: Features


class Approximate(SegmentedVectors, ABC):
    """Candidates from a structure; brute force while there are too few vectors for one."""

    library: ClassVar[tuple[str, str]]
    """The module that makes structures, and the extra that installs it."""
    min_rows: ClassVar[int] = 1000
    """No structure is built for fewer vectors."""

    def __init__(self, dim: int, measure: Measure, **options: Any) -> None:
        """Empty, for vectors of ``dim`` columns; a structure depends on the ``options`` alone.

        Raises MissingExtra.
        """
        # now, and not only once there are enough vectors for a structure
        check_extra(*self.library, "this index")
        super().__init__(dim, measure)
        self.options = options
        self._built: Built | None = None

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Index; recall is below 1, but k neighbors are found where k exist."""
        queries = normalized_for(self.measure, queries)
        segments, built = self._segments, self._built
        saved, *added = segments
        if built is None or built.vectors is not saved.vectors or subset is not None:
            return brute_force(segments, self.measure, queries, k, subset)
        found = concatenate(
            [
                self._search_saved(built, saved, queries[start : start + _BATCH], k)
                for start in range(0, len(queries), _BATCH)
            ]
        )
        missing = (found.keys < 0).any(axis=1)
        if missing.any():
            exact = brute_force([saved], self.measure, queries[missing], k)
            found.keys[missing], found.scores[missing] = exact.keys, exact.scores
        if not added:
            return found
        return merge_top_k([found, brute_force(added, self.measure, queries, k)], k)

    def save(self, path: Path) -> None:
        """See Index; the structure goes into two files of its own beside the vectors."""
        before, had_all = self._built, self._segments[0].live is None
        super().save(path)
        extended = None
        if before is not None and had_all:
            extended = self._extend(before.structure, self._segments[0], len(before.vectors))
        self._use_and_save(path, extended)

    def load(self, path: Path) -> None:
        """See Index. A structure that does not fit the vectors is rebuilt and saved."""
        saved = self._map(path)
        try:
            built = self._load_structure(path, saved)
        except Exception as error:  # whatever a library raises for bytes that it did not write
            if not path.exists():  # so its files are going, and another state has replaced it
                raise IndexDamaged(f"{path.name} is gone") from error
            log.info("rebuilding the index structure: %s", error)
            built = None
        self._segments, self._built = (saved,), built
        if built is None:
            self._use_and_save(path, None)

    @abstractmethod
    def _build(self, rows: Features) -> Any:
        """A structure over these rows, which may be memory-mapped and larger than memory."""

    @abstractmethod
    def _query(self, structure: Any, queries: Features, k: int) -> RowNumbers:
        """Candidate rows of each query, ``(m, any number)``, padded with -1."""

    @abstractmethod
    def _write(self, structure: Any, file: Path) -> None:
        """Serialize the structure into one file."""

    @abstractmethod
    def _read(self, file: Path) -> Any:
        """The inverse of ``_write``; raises anything for other bytes."""

    def _extend(self, structure: Any, rows: Segment, count: int) -> Any:
        """A structure over all rows from one over the first ``count``; None if not supported."""
        return None

    def _search_saved(self, built: Built, saved: Segment, queries: Features, k: int) -> Neighbors:
        removed = 0 if saved.live is None else len(saved) - len(saved.live)
        count = min(k, len(saved) - removed)
        if not count:
            return empty_neighbors(len(queries))
        rows = self._query(built.structure, queries, min(count + removed, 2 * count))
        if rows.shape[1] < count:
            rows = np.pad(rows, ((0, 0), (0, count - rows.shape[1])), constant_values=-1)
        keys = np.where(rows < 0, -1, saved.keys[rows])
        step = max(1, _GATHERED // max(1, rows.shape[1] * saved.vectors[:1].nbytes))
        found = []
        for start in range(0, len(queries), step):
            some = slice(start, start + step)
            scores = scores_of_each(self.measure, queries[some], saved.vectors[rows[some]])
            scores[keys[some] < 0] = -np.inf
            found.append(top_k(keys[some], scores, count))
        return concatenate(found)

    def _use_and_save(self, path: Path, structure: Any) -> None:
        """Search with this structure, or a new one for None, and save it if possible."""
        saved = self._segments[0]
        self._built = None
        if len(saved) < self.min_rows:
            return
        if structure is None or self._count_found(structure, saved) < _SAMPLE // 4:
            structure = self._build(saved.vectors)
        try:
            self._save_structure(path, structure, saved)
        except Exception as error:  # the disk may be full, and each library says so in its own way
            log.info("the index structure stays in memory: %s", error)
        self._built = Built(structure, saved.vectors)  # now, as to save one may move its memory

    def _save_structure(self, path: Path, structure: Any, saved: Segment) -> None:
        body, fingerprint = self._files(path)
        with atomic_write(body) as unfinished:
            self._write(structure, unfinished)
        about = {**self._fingerprint(path, body), "found": self._count_found(structure, saved)}
        with atomic_write(fingerprint) as unfinished:
            unfinished.write_text(json.dumps(about), encoding="utf-8")

    def _load_structure(self, path: Path, saved: Segment) -> Built | None:
        if len(saved) < self.min_rows:
            return None
        body, fingerprint = self._files(path)
        about = json.loads(fingerprint.read_text(encoding="utf-8"))
        found = about.pop("found")
        if about != self._fingerprint(path, body):
            raise IndexDamaged(f"{body.name} belongs to other vectors")
        structure = self._read(body)
        if self._count_found(structure, saved) < found // 2:
            raise IndexDamaged(f"{body.name} does not find its own vectors")
        return Built(structure, saved.vectors)

    def _count_found(self, structure: Any, saved: Segment) -> int:
        """How many of a sample of its vectors a structure finds by themselves."""
        rows = np.linspace(0, len(saved) - 1, _SAMPLE).astype(np.intp)
        candidates = self._query(structure, np.asarray(saved.vectors[rows]), _FIRST)
        return int((candidates == rows[:, None]).any(axis=1).sum())

    def _files(self, path: Path) -> tuple[Path, Path]:
        kind = type(self).__name__.lower()
        return path.with_name(f"{path.name}.{kind}"), path.with_name(f"{path.name}.{kind}.json")

    def _fingerprint(self, path: Path, body: Path) -> dict[str, Any]:
        """The vectors and options that a structure's file belongs to, and its checksum."""
        with body.open("rb") as file:
            content = checksum_of(file)
        return {"rows": stored_checksum(path), "options": self.options, "content": content}
