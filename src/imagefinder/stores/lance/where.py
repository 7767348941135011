"""Selections: images in some folders, with some metadata.

The engine knows metadata as texts alone, so they are compared here, each different value once.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lance
import numpy as np
from numpy.typing import NDArray

from imagefinder.filters import (
    Condition,
    Number,
    conditions,
    finite_float,
    is_same,
    number_of,
    unicode_forms,
)
from imagefinder.stores.lance.metadata import MetadataCache, MetadataColumn
from imagefinder.stores.lance.selection import (
    IMAGES,
    as_integers,
    keys_in_folders,
    select,
)
from imagefinder.types import Keys

Matches = Callable[[Any], bool]
"""Whether the value under a name is selected; ``...`` is none."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
# a text that is compared as a number by < and >: also "007" and "+1"
_LOOSE = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*")
_DIGITS = 4000
_SPACE = " \t\n\r\f\v"


def select_keys(
    dataset: lance.LanceDataset,
    metadata: MetadataCache,
    folders: Sequence[str],
    where: Mapping[str, Any] | None,
    after: int,
    limit: int | None,
) -> Keys:
    """See ``Store.select``; ``metadata`` are those of the same catalogue."""
    wanted = conditions(where)
    if wanted:
        keys, columns = metadata.columns(dataset, list({one.name: None for one in wanted}))
        keys = np.unique(keys[matching(columns, wanted) & (keys > after)])
    else:
        keys = as_integers(select(dataset, ["key"], f"{IMAGES} AND key > {int(after)}")["key"])
    if folders:
        keys = np.intersect1d(keys, keys_in_folders(dataset, folders), True)
    return np.sort(keys)[:limit]


def matching(
    columns: Mapping[str, MetadataColumn], wanted: Sequence[Condition]
) -> NDArray[np.bool_]:
    """Which items meet all conditions, of which there are some."""
    found = [columns[one.name].matches(_test_of(one)) for one in wanted]
    matches: NDArray[np.bool_] = np.logical_and.reduce(found)
    return matches


def _test_of(condition: Condition) -> Matches:
    if condition.operator in _ORDER:
        return _ordered(_ORDER[condition.operator], condition.values[0])
    any_of = _any_of(condition.values)
    if condition.operator == "ne":
        return lambda stored: not any_of(stored)
    return any_of


def _ordered(compare: Callable[[Any, Any], bool], wanted: Number | str) -> Matches:
    number = number_of(wanted) if isinstance(wanted, str) else wanted

    def test(stored: Any) -> bool:
        if isinstance(stored, bool) or not isinstance(stored, int | float | str):
            return False
        own = _loose_number(stored) if isinstance(stored, str) else stored
        if own is not None and number is not None:
            return compare(own, number)
        is_text = isinstance(stored, str) and isinstance(wanted, str)
        return is_text and stored != "" and compare(stored, wanted)

    return test


def _loose_number(text: str) -> Number | None:
    if len(text) > _DIGITS or not _LOOSE.fullmatch(text):
        return None
    return finite_float(text) if re.search(r"[.eE]", text) else int(text)


def _any_of(values: Sequence[Any]) -> Matches:
    """Text equals only the same text, but also the number, true or false that it reads."""
    texts, numbers, typed, words, structures = set(), set(), set(), set(), []
    for value in values:
        if isinstance(value, bool):
            words.add(value)
            texts.update(_spellings(value))
        elif isinstance(value, str):
            texts.update(unicode_forms(value))
            words.update(word for word in (True, False) if value in _spellings(word))
            numbers.update({number_of(value)} - {None})
        elif isinstance(value, int | float):
            numbers.add(value)
            typed.add(value)
        elif value is not None:
            structures.append(value)
    is_nothing_wanted = None in values

    def test(stored: Any) -> bool:
        if stored is None or stored is ...:
            return is_nothing_wanted
        if isinstance(stored, str):
            return stored in texts or number_of(stored.strip(_SPACE)) in typed
        if isinstance(stored, bool):
            return stored in words
        if isinstance(stored, int | float):
            return stored in numbers
        return any(is_same(stored, one) for one in structures)

    return test


def _spellings(word: bool) -> list[str]:
    text = str(word)
    return [text, text.lower(), text.upper()]
