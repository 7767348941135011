"""Events of folders: the paths that change in them, as the operating system reports them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from logging import getLogger
from threading import Event
from typing import TypeAlias

import watchfiles

_Present: TypeAlias = "dict[str, tuple[int, int]]"

_TICK = 0.25  # seconds, after which an empty set is given
_DEBOUNCE = 200  # milliseconds for which the operating system's events are gathered
_STEP = 50
_UNREADABLE_NAME = "Unable to decode path"  # the beginning of watchfiles' message
_PAUSE, _LONGEST_PAUSE = 5.0, 80.0  # seconds without events after it: it may come all the time

_log = getLogger(__name__)


def folder_events(folders: Sequence[str], stop: Event) -> Iterator[set[str]]:
    """Sets of changed paths until it is stopped; several times a second, even if they are empty.

    A folder is itself among them when it begins to be watched, so that nothing is missed: at the
    beginning, and when it is there again after it was moved, deleted or unmounted. Folders on a
    network mount, or more than the operating system can watch, give no other events. A name that
    is not UTF-8 loses the events that come with it, so the folders are among the next ones.
    """
    watched: _Present = {}
    pause = _PAUSE
    while not stop.is_set():
        present = _present(folders)
        new = {folder for folder, place in present.items() if watched.get(folder) != place}
        watched = present
        if not present:
            stop.wait(_TICK)
            yield set()
            continue
        is_calm = False
        try:
            for paths in _events(folders, present, stop):
                yield paths | new
                new, is_calm = set(), True
        except _EventsLostError as error:
            pause = _PAUSE if is_calm else min(2 * pause, _LONGEST_PAUSE)
            _log.warning("whole folders are synced after %.0f s: %s; rename it", pause, error)
            watched = {}
            yield new
            yield from islice(_ticks(folders, present, stop), int(pause / _TICK))


class _EventsLostError(Exception):
    """Events were lost with one that cannot be given."""


def _events(folders: Sequence[str], present: _Present, stop: Event) -> Iterator[set[str]]:
    """Sets of changed paths, until one of the folders is another one, is gone or has come.

    Raises _EventsLostError.
    """
    changes = watchfiles.watch(
        *present,
        watch_filter=None,
        debounce=_DEBOUNCE,
        step=_STEP,
        stop_event=stop,
        rust_timeout=int(1000 * _TICK),
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    try:
        for change in changes:
            yield {path for _, path in change}
            if _present(folders) != present:
                return
    except FileNotFoundError:  # a folder has gone before it could be watched
        yield set()
    except (OSError, RuntimeError) as error:  # such as a limit of how many can be watched
        if str(error).startswith(_UNREADABLE_NAME):
            raise _EventsLostError(str(error)) from error
        _log.warning("changes are noticed only by the regular sync: %s", error)
        yield from _ticks(folders, present, stop)
    finally:
        changes.close()


def _ticks(folders: Sequence[str], present: _Present, stop: Event) -> Iterator[set[str]]:
    while not stop.wait(_TICK) and _present(folders) == present:
        yield set()


def _present(folders: Sequence[str]) -> _Present:
    """The folders that are there, and which ones they are."""
    found = {}
    for folder in folders:
        try:
            status = os.stat(folder)
        except OSError:
            continue
        found[folder] = status.st_dev, status.st_ino
    return found
