"""What kinds have in common that find most of the nearest rows, and quickly.

A library's structure proposes rows; their scores are then taken from the rows themselves. The
structure knows the saved rows as they were when it was made. What came since is compared in full,
what went is passed over, and a search among chosen keys does without it, so that an answer is
always about the images that are there.
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
from imagefinder.indexes.array_file import checksum_of, sum_of
from imagefinder.indexes.brute_force import compare
from imagefinder.indexes.segment import Part, Places
from imagefinder.indexes.segmented import Matrix
from imagefinder.indexes.topk import best_of, concatenated, nearest
from imagefinder.similarity import normalized_for, scores_of_each
from imagefinder.types import Features, Keys, Measure, Neighbors

_GROUP = 1000  # queries asked at a time
_GATHERED = 16 * 2**20  # bytes of proposed rows scored at a time

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Built:
    """A structure, and the rows that it knows: place i in it is row i of them."""

    structure: Any
    vectors: Features


class Approximate(Matrix, ABC):
    """Proposed by a structure; exact while there are too few rows for one."""

    library: ClassVar[tuple[str, str]]
    """The module that makes structures, and the extra that brings it."""
    least: ClassVar[int] = 1000
    """Rows, below which there is no structure."""

    def __init__(self, dim: int, measure: Measure, **options: Any) -> None:
        """Empty, for rows of ``dim`` columns; ``options`` are all that a structure depends on.

        Raises MissingExtra.
        """
        check_extra(
            *self.library, "this index"
        )  # now, and not once there are enough rows for a structure
        super().__init__(dim, measure)
        self.options = options
        self._built: Built | None = None

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Index; most of the nearest rows, and always k if there are k."""
        queries = normalized_for(self.measure, queries)
        parts, built = self._parts, self._built
        saved, *added = parts
        if built is None or built.vectors is not saved.vectors or subset is not None:
            return compare(parts, self.measure, queries, k, subset)
        found = concatenated(
            [
                self._proposed(built, saved, queries[start : start + _GROUP], k)
                for start in range(0, len(queries), _GROUP)
            ]
        )
        missing = (found.keys < 0).any(axis=1)
        if missing.any():
            every = compare([saved], self.measure, queries[missing], k)
            found.keys[missing], found.scores[missing] = every.keys, every.scores
        return best_of([found, compare(added, self.measure, queries, k)], k) if added else found

    def save(self, path: Path) -> None:
        """See Index; beside the rows, the structure goes into two files of its own."""
        before, unchanged = self._built, self._parts[0].left is None
        super().save(path)
        saved = self._parts[0]
        grown = None
        if before is not None and unchanged:
            grown = self._grown(before.structure, saved, len(before.vectors))
        self._keep(path, grown)

    def load(self, path: Path) -> None:
        """See Index. A structure that does not fit the rows is made anew, and saved."""
        super().load(path)
        try:
            structure = self._checked(path)
        except Exception as error:  # whatever a library says of bytes that it did not write
            log.info("the structure is made anew: %s", error)
            structure = None
        if structure is None:
            self._keep(path, None)
        else:
            self._built = Built(structure, self._parts[0].vectors)

    @abstractmethod
    def _build(self, rows: Features) -> Any:
        """A structure over these rows, which may be mapped and more than fit into memory."""

    @abstractmethod
    def _nearest(self, structure: Any, queries: Features, k: int) -> Places:
        """Rows that may be near each query, ``(m, any number)``; -1 where there are no more."""

    @abstractmethod
    def _write(self, structure: Any, file: Path) -> None:
        """Into one file."""

    @abstractmethod
    def _read(self, file: Path) -> Any:
        """What was written; raises anything for other bytes."""

    def _grown(self, structure: Any, rows: Part, known: int) -> Any:
        """One that knows all rows, from one that knows the first; None where that cannot be."""
        return None

    def _proposed(self, built: Built, saved: Part, queries: Features, k: int) -> Neighbors:
        gone = 0 if saved.left is None else len(saved) - len(saved.left)
        count = min(k, len(saved) - gone)
        places = self._nearest(built.structure, queries, min(count + gone, 2 * count))
        if places.shape[1] < count:
            lacking = count - places.shape[1]
            places = np.pad(places, ((0, 0), (0, lacking)), constant_values=-1)
        keys = np.where(places < 0, -1, saved.keys[places])
        step = max(1, _GATHERED // max(1, places.shape[1] * saved.vectors[:1].nbytes))
        found = []
        for start in range(0, len(queries), step):
            some = slice(start, start + step)
            scores = scores_of_each(self.measure, queries[some], saved.vectors[places[some]])
            scores[keys[some] < 0] = -np.inf
            found.append(nearest(keys[some], scores, count))
        return concatenated(found)

    def _keep(self, path: Path, structure: Any) -> None:
        """Go on with a structure, built if there is none, and save it if it can be."""
        saved = self._parts[0]
        self._built = None
        if len(saved) < self.least:
            return
        self._built = Built(structure or self._build(saved.vectors), saved.vectors)
        body, stamp = self._files(path)
        try:
            with atomic_write(body) as unfinished:
                self._write(self._built.structure, unfinished)
            with atomic_write(stamp) as unfinished:
                unfinished.write_text(json.dumps(self._stamp(path, body)), encoding="utf-8")
        except OSError as error:  # a cache only: the folder may be read-only, the disk full
            log.info("the structure stays in memory: %s", error)

    def _checked(self, path: Path) -> Any:
        if len(self._parts[0]) < self.least:
            return None
        body, stamp = self._files(path)
        if json.loads(stamp.read_text(encoding="utf-8")) != self._stamp(path, body):
            raise IndexDamaged(f"{body.name} is for other rows")
        return self._read(body)

    def _files(self, path: Path) -> tuple[Path, Path]:
        kind = type(self).__name__.lower()
        return path.with_name(f"{path.name}.{kind}"), path.with_name(f"{path.name}.{kind}.json")

    def _stamp(self, path: Path, body: Path) -> dict[str, Any]:
        """What a structure's file belongs to, and what it contains."""
        with body.open("rb") as file:
            content = sum_of(file)
        return {"rows": checksum_of(path), "options": self.options, "content": content}
