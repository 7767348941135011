"""An index synced with a catalogue before each search, and saved as a cache."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Generic, TypeVar

import numpy as np

from imagefinder.errors import IndexDamaged
from imagefinder.similarity import normalized_for, scores
from imagefinder.stores.indexed_rows import IndexedRows, RowSource
from imagefinder.stores.saved_index import SavedIndex
from imagefinder.types import Features, Index, Keys, Measure, Neighbors

_MAX_PENDING = 256 * 2**20  # bytes of new vectors in memory
_SAMPLE = 16  # images by which a loaded index is compared with the catalogue
_COMPARED = 64  # of their vectors, at most
_ROUNDING = 1e-4

log = logging.getLogger(__name__)

AnyIndex = TypeVar("AnyIndex", bound=Index)
Found = TypeVar("Found")


class SyncedIndex(Generic[AnyIndex]):
    """Brought up to date with the catalogue before each search, whoever wrote to it since.

    It is up to date when it holds the keys that are stored, and has seen the newest write: a key
    that was removed and stored again may have other vectors. It can be rebuilt at any time.
    """

    save_from = 8 * 2**20
    """Pending bytes from which the index is saved."""

    def __init__(
        self,
        index: AnyIndex,
        measure: Measure,
        saved: SavedIndex,
        rows: RowSource,
    ) -> None:
        """``index`` is empty until the first search; it compares by ``measure``."""
        self._index = index
        self._measure = measure
        self._rows = rows
        self._saved = saved
        self._guard = Lock()
        self._was_loaded = False
        self._version = 0
        """Of the newest write that the index has seen."""
        self._retry_bytes = 0
        self._searches = 0
        self._none_runs = Condition()

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store."""
        return self.using(lambda index: index.search(query, k, subset))

    def using(self, search: Callable[[AnyIndex], Found]) -> Found:
        """What ``search`` finds in the index, brought up to date; it must change nothing."""
        with self._guard:
            self._refresh()
            self._count(1)
        try:
            return search(self._index)
        finally:
            self._count(-1)

    def build(self) -> None:
        """Build and save it now, however small."""
        with self._guard:
            self._refresh()
            self._save()

    def close(self) -> None:
        """Release what the rows are read by."""
        with self._guard:
            self._rows.close()

    def delete_saved(self) -> None:
        """Delete the saved index, if possible."""
        self._saved.delete()

    def _refresh(self) -> None:
        with self._rows.changed() as rows:
            if rows is None:
                return
            is_first, self._was_loaded = not self._was_loaded, True
            is_unusable = is_first and not self._load(rows)
            self._follow(rows)
        if is_unusable:  # or it would be rebuilt by every program
            self._save()

    def _follow(self, rows: IndexedRows) -> None:
        held, stored = self._index.keys, rows.keys()
        changed = rows.keys_since(self._version)
        if not rows.is_known(self._version):  # another history, a restored backup's
            changed = held
        again = np.intersect1d(held, np.intersect1d(changed, stored, True), True)
        gone = np.setdiff1d(held, stored, True)
        new = np.union1d(np.setdiff1d(stored, held, True), again)
        with self._without_searches(bool(len(again))):
            self._index.remove(np.union1d(gone, again))
            self._version = rows.newest_version()
            try:
                self._add(rows, new, all_new=len(new) == len(stored))
            except BaseException:
                self._index.remove(new)  # no key may be left with only some of its rows
                raise

    def _add(self, rows: IndexedRows, new: Keys, all_new: bool) -> None:
        for keys, vectors in rows.pages(new, all_new):
            self._index.add(keys, vectors)
            if self._index.pending_bytes > max(_MAX_PENDING, self._index.saved_bytes):
                self._save()  # so that a first index does not fill the memory
        # the more is saved, the less often all of it is rewritten
        threshold = max(self.save_from, self._index.saved_bytes // 4, self._retry_bytes)
        if self._index.pending_bytes > threshold:
            self._save()

    def _load(self, rows: IndexedRows) -> bool:
        """Load what is saved; False if there is something, but not for these vectors."""
        if not self._saved.exists():
            return True
        try:
            self._version = self._saved.load(self._index)
            if self._agrees(rows):
                return True
            log.info("rebuilding the index: %s is for other vectors", self._saved.manifest.name)
        except IndexDamaged as error:
            log.info("rebuilding the index: %s", error)
        self._index.remove(self._index.keys)
        self._version = 0
        return False

    def _agrees(self, rows: IndexedRows) -> bool:
        """Whether the index knows the catalogue's history, and a sample of its own rows."""
        if not rows.is_known(self._version):
            return False
        kept = np.intersect1d(self._index.keys, rows.keys(), True)
        kept = np.setdiff1d(kept, rows.keys_since(self._version), True)
        if not len(kept):
            return True
        sample = kept[np.unique(np.linspace(0, len(kept) - 1, _SAMPLE).astype(np.intp))]
        pages = list(rows.pages(sample, all_new=False))
        own = normalized_for(self._measure, np.concatenate([vectors for _, vectors in pages]))
        expected = scores(self._measure, own[:_COMPARED], own)
        found = self._index.search(own[:_COMPARED], len(own), sample).scores
        return found.shape == expected.shape and np.allclose(
            found, -np.sort(-expected), _ROUNDING, _ROUNDING * max(1, np.abs(expected).max())
        )

    def _save(self) -> None:
        pending = self._index.pending_bytes
        try:
            self._saved.save(self._index, self._version)
        except (OSError, IndexDamaged) as error:
            # only a cache: the folder may be read-only, the disk full, the file deleted
            log.info("the index stays in memory: %s", error)
            self._retry_bytes = 2 * pending  # not tried again before that

    def _count(self, change: int) -> None:
        """One search more or less is running."""
        with self._none_runs:
            self._searches += change
            if not self._searches:
                self._none_runs.notify_all()

    @contextmanager
    def _without_searches(self, needed: bool) -> Iterator[None]:
        """If needed, wait for running searches to end; new ones wait for the refresh anyway.

        A search must not miss the images whose vectors are just being exchanged.
        """
        if needed:
            with self._none_runs:
                self._none_runs.wait_for(lambda: not self._searches)
        yield
