"""Searches for near-duplicates that tell of each group as it is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from fastapi import HTTPException

from imagefinder._utils.text import one_line
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.errors import ImageFinderError
from imagefinder.near_duplicates.detect import searching
from imagefinder.near_duplicates.verifiers import Verify
from imagefinder.server.duplicate_schemas import (
    DuplicateGroup,
    DuplicatesLine,
    SearchBegun,
    SearchFinished,
)
from imagefinder.server.settings import Settings

_HEARTBEAT = 1.0  # seconds, after which a client that has gone is noticed
_ONE_AT_A_TIME = Lock()
"""Each takes all processors."""


class DuplicatesStream:
    """Looks for near-duplicates in a thread of its own; iterating gives the lines as they come.

    The thread does not wait for a slow client, and ends soon after the iterator is closed.
    """

    def __init__(
        self, catalogue: Catalogue, threshold: float | None, verify: Verify, settings: Settings
    ) -> None:
        """Nothing is begun yet."""
        self._catalogue, self._threshold, self._verify = catalogue, threshold, verify
        self._settings = settings
        self._lines: SimpleQueue[DuplicatesLine | Exception | None] = SimpleQueue()
        self._is_left = Event()
        self._share: float | None = None

    def begin(self, timeout: float) -> Iterator[DuplicatesLine]:
        """The lines, once the first is there; what the search raises before it is raised here.

        503 if another search takes longer than ``timeout`` seconds.
        """
        if not _ONE_AT_A_TIME.acquire(timeout=timeout):
            raise HTTPException(503, "copies are being looked for already", {"Retry-After": "5"})
        Thread(target=self._run, name="duplicates").start()
        first = self._lines.get()
        if isinstance(first, Exception):
            raise first
        return self._following(first)

    def _following(self, line: DuplicatesLine | None) -> Iterator[DuplicatesLine]:
        try:
            while line is not None:
                yield line
                line = self._next()
        finally:
            self._is_left.set()

    def _next(self) -> DuplicatesLine | None:
        try:
            line = self._lines.get(timeout=_HEARTBEAT)
        except Empty:
            return DuplicatesLine(share=self._share or 0.0)
        return DuplicatesLine(error=_told(line)) if isinstance(line, Exception) else line

    def _run(self) -> None:
        try:
            with suppress(_Left):
                self._search()
        except Exception as error:
            self._lines.put(error)
        finally:
            self._lines.put(None)
            _ONE_AT_A_TIME.release()

    def _search(self) -> None:
        with searching(
            self._catalogue,
            threshold=self._threshold,
            verify=self._verify,
            progress=self._progress,
        ) as search:
            begun = SearchBegun(
                threshold=search.threshold, verify=search.verify, images=len(self._catalogue)
            )
            self._lines.put(DuplicatesLine(begun=begun))
            for group in search.identical_files():
                self._put(DuplicateGroup.of(group, self._settings))
            for _, group in search.groups():
                if group.copies:  # the others were among the first
                    self._put(DuplicateGroup.of(group, self._settings))
            unseen = len(search.unverified.unreadable)
            finished = SearchFinished(unseen=unseen, undecided=search.unverified.undecided)
            self._lines.put(DuplicatesLine(finished=finished))

    def _put(self, group: DuplicateGroup) -> None:
        self._check()
        self._lines.put(DuplicatesLine(group=group))

    def _progress(self, steps: Iterable[Any]) -> Iterator[Any]:
        total = len(steps) if isinstance(steps, Sized) else 0
        for done, step in enumerate(steps):
            self._check()
            self._share = done / total if total else None
            yield step

    def _check(self) -> None:
        if self._is_left.is_set():
            raise _Left


class _Left(Exception):
    """Nobody reads the lines any more."""


def _told(error: Exception) -> str:
    is_ours = isinstance(error, ImageFinderError)
    return one_line(error) if is_ours else "the search has failed: the server's log says why"
