"""The globs that a catalogue keeps: which files and folders ``add`` and ``sync`` pass over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from imagefinder.catalogue.metadata import change_metadata
from imagefinder.images.exclusions import check_globs
from imagefinder.images.inputs import is_storable
from imagefinder.types import Store

_NAME = "exclude"


def excluded(store: Store) -> list[str]:
    """The globs of a catalogue, in order: of those that match, the last decides."""
    return _parsed(store.get_metadata(_NAME))


def exclude(store: Store, globs: Iterable[str]) -> None:
    """Keep globs, after the others. Raises ValueError for one that is none."""
    given = checked_globs(globs)
    _replace(store, given, lambda kept: given)


def include(store: Store, globs: Iterable[str]) -> None:
    """Take globs back; one that is not kept is an exception from others, and from the defaults."""
    given = checked_globs(globs)
    _replace(store, given, lambda kept: [f"!{glob}" for glob in given if glob not in kept])


def checked_globs(globs: Iterable[str]) -> list[str]:
    """Each once. Raises ValueError for one that is none."""
    given = list(dict.fromkeys(globs))
    check_globs(given)
    if not all(map(is_storable, given)):
        raise ValueError("a glob is not UTF-8: use * for what is not")
    return given


def _replace(
    store: Store, globs: Sequence[str], lines: Callable[[Sequence[str]], list[str]]
) -> None:
    """Keep these lines, made from all that are kept, instead of those of the globs."""

    def change(text: str | None) -> str:
        before = _parsed(text)
        kept = [line for line in before if line.removeprefix("!") not in globs]
        return json.dumps([*kept, *lines(before)], ensure_ascii=False)

    if globs:
        change_metadata(store, _NAME, change)


def _parsed(text: str | None) -> list[str]:
    return [str(glob) for glob in json.loads(text or "[]")]
