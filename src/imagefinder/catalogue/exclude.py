"""The globs that a catalogue keeps: which files and folders ``add`` and ``sync`` pass over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from imagefinder.images.exclusions import check_globs
from imagefinder.images.inputs import is_storable
from imagefinder.types import Store

_NAME = "exclude"


def excluded(store: Store) -> list[str]:
    """The globs of a catalogue, in order: of those that match, the last decides."""
    return [str(glob) for glob in json.loads(store.get_metadata(_NAME) or "[]")]


def exclude(store: Store, globs: Iterable[str]) -> None:
    """Keep globs, after the others. Raises ValueError for one that is none."""
    given = _checked(globs)
    _replace(store, given, given)


def include(store: Store, globs: Iterable[str]) -> None:
    """Take globs back; one that is not kept is an exception from others, and from the defaults."""
    given = _checked(globs)
    kept = excluded(store)
    _replace(store, given, [f"!{glob}" for glob in given if glob not in kept])


def _checked(globs: Iterable[str]) -> list[str]:
    given = list(dict.fromkeys(globs))
    check_globs(given)
    if not all(map(is_storable, given)):
        raise ValueError("a glob is not UTF-8: use * for what is not")
    return given


def _replace(store: Store, globs: Sequence[str], lines: Sequence[str]) -> None:
    """Keep these lines instead of what is kept of the globs."""
    before = excluded(store)
    kept = [line for line in before if line.removeprefix("!") not in globs]
    if [*kept, *lines] != before:
        store.set_metadata(_NAME, json.dumps([*kept, *lines], ensure_ascii=False))
