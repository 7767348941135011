"""Watch: a catalogue follows folders, by what changes in them and by a regular sync.

Files → folder_events → pending_changes (until they are settled) → Finder.sync of what has changed
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from threading import Event
from time import monotonic
from typing import Any

from imagefinder.errors import ImageFinderError, NotFound
from imagefinder.finder import Finder
from imagefinder.images.inputs import absolute
from imagefinder.images.remote_files import is_remote
from imagefinder.types import Failure, Progress, Report
from imagefinder.watching.folder_events import folder_events
from imagefinder.watching.pending_changes import PendingChanges

_MANY = 1000
"""Paths at a time: there may have been more events than the operating system holds for a program
that was busy or paused, and it says nothing of those that it has dropped."""


@dataclass(frozen=True)
class WatchOptions:
    """When changes are taken in. All times are in seconds."""

    settle: float = 1.0
    """How long nothing must happen to a file before it is read: it may still be written."""
    every: float = 600.0
    """How often whole folders are synced: network mounts tell of no changes."""
    retry: float = 10.0
    """How long after a failure, such as a disk that is away, a folder is tried again."""
    checksum: bool = False
    """Whether the regular sync reads all files; see ``Finder.sync``."""


@dataclass(frozen=True)
class Watched:
    """What was done after a change, or why it could not be done."""

    folder: str
    report: Report | None = None
    problem: str | None = None
    """It is tried again by itself; told once, until it is another one."""


def watch(
    finder: Finder,
    folders: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    options: WatchOptions = WatchOptions(),
    *,
    progress: Progress = iter,
    stop: Event | None = None,
) -> Iterator[Watched]:
    """Keep a catalogue equal to what a sync of the folders would make it, until it is stopped.

    New, changed, moved and deleted files are taken in once they are settled; the first syncs are of
    the whole folders, and each is yielded; then every change of the catalogue, and every failure. A
    folder whose disk goes away keeps its images, and is taken up again when it is back.
    ``progress`` wraps the inputs of syncs of whole folders. Raises NotFound for a folder that is
    missing at the beginning.
    """
    roots = watched_folders(folders)
    stop = stop or Event()
    return Watcher(finder, roots, options, stop, progress).watch(folder_events(roots, stop))


def watched_folders(
    folders: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> list[str]:
    """The absolute paths of folders, each once. Raises NotFound for one that is missing."""
    given = [folders] if isinstance(folders, str | os.PathLike) else [*folders]
    for folder in filter(is_remote, given):
        raise NotFound(f"{folder} is no folder: an object store does not tell what changes in it")
    roots = list(dict.fromkeys(str(absolute(folder)) for folder in given))
    for root in roots:
        if not os.path.isdir(root):
            raise NotFound(f"there is no folder {root} to watch")
    return roots


@dataclass
class Watcher:
    """Applies changes to a catalogue, batch by batch; for one thread."""

    finder: Finder
    roots: Sequence[str]
    options: WatchOptions
    stop: Event
    progress: Progress = iter
    clock: Callable[[], float] = monotonic
    _due: dict[str, float] = field(default_factory=dict)
    """When each whole folder is synced; at once if it is not among them."""
    _followed: set[str] = field(default_factory=set)
    _problems: dict[str, str] = field(default_factory=dict)
    _told: set[Failure] = field(default_factory=set)

    def watch(self, events: Iterable[set[str]]) -> Iterator[Watched]:
        """Apply sets of changed paths as they come; empty ones let time pass."""
        pending = PendingChanges(self.options.settle)
        for paths in events:
            now = self.clock()
            if len(paths) >= _MANY:
                soon = now + self.options.settle
                self._due |= {root: soon for root in self.roots if _inside(root, paths)}
            self._due |= {root: now for root in self.roots if root in paths}
            pending.note(paths, now)
            settled = pending.take_settled(now)
            for root in self.roots:
                if self._due.get(root, now) <= now:
                    yield from self._sync(root)
                elif root not in self._problems and (inside := _inside(root, settled)):
                    yield from self._sync(root, inside)

    def _sync(self, root: str, changed: set[str] | None = None) -> Iterator[Watched]:
        """Sync a whole folder, or what has changed in it; yields what is worth telling."""
        is_whole, options = changed is None, self.options
        progress = self.progress if is_whole else iter
        try:
            report = self.finder.sync(
                root,
                changed=changed,
                progress=lambda inputs: progress(self._until_stopped(inputs)),
                checksum=options.checksum and is_whole,
            )
        except (ImageFinderError, OSError) as error:
            self._due[root] = self.clock() + options.retry
            if self._problems.get(root) != str(error):
                self._problems[root] = str(error)
                yield Watched(root, problem=str(error))
            return
        if is_whole:
            self._due[root] = self.clock() + options.every
        was_away = self._problems.pop(root, None) is not None
        is_new = was_away or root not in self._followed
        self._followed.add(root)
        news = self._news(report)
        if is_new or news.done > news.unchanged or news.failed or news.kept:
            yield Watched(root, news)

    def _news(self, report: Report) -> Report:
        """Without the failures that have been told."""
        found = {*report.failed, *report.kept}
        failed, kept = (
            tuple(one for one in some if one not in self._told)
            for some in (report.failed, report.kept)
        )
        self._told |= found
        return replace(report, failed=failed, kept=kept)

    def _until_stopped(self, inputs: Iterable[Any]) -> Iterable[Any]:
        return takewhile(lambda _: not self.stop.is_set(), inputs)


def _inside(root: str, paths: set[str]) -> set[str]:
    return {path for path in paths if path.startswith(root.rstrip(os.sep) + os.sep)}
