"""The metadata of images, name by name: each different value once, so that filters test few."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from threading import Lock
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imagefinder._utils.concurrency import batched
from imagefinder.filters import unicode_forms
from imagefinder.stores.lance.selection import IMAGES, as_integers, select
from imagefinder.types import Keys

_PARSED = 5000  # texts at a time
_NAMES = 16  # whose columns are kept
_STRUCTURES = (list, dict)


@dataclass(frozen=True)
class MetadataColumn:
    """What stands under one name, for each item of each image."""

    values: Sequence[Any]
    """Different ones; ``...`` is none."""
    numbers: NDArray[np.int32]
    """Which of them each item has."""

    def matches(self, test: Callable[[Any], bool]) -> NDArray[np.bool_]:
        """Which items have a value that passes."""
        passed: NDArray[np.bool_] = np.fromiter(map(test, self.values), np.bool_, len(self.values))
        return passed[self.numbers]


class MetadataCache:
    """Columns of the newest version that was asked for, by their names, for many threads."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._guard = Lock()
        self._version: int | None = None
        self._columns: dict[str, MetadataColumn] = {}
        self._keys: Keys = np.empty(0, np.int64)

    def columns(
        self, dataset: lance.LanceDataset, names: Sequence[str]
    ) -> tuple[Keys, Mapping[str, MetadataColumn]]:
        """The keys of all images, ascending, and what stands under these names.

        A key is repeated for each item of its image, of which there is one at least.
        """
        with self._guard:
            if self._version != dataset.version:
                self._version, self._columns = dataset.version, {}
            missing = [name for name in names if name not in self._columns]
            if missing:
                self._read(dataset, missing)
            found = {name: self._columns[name] for name in names}
            newest_first = {**found, **self._columns}
            self._columns = dict(islice(newest_first.items(), _NAMES))
            return self._keys, found

    def _read(self, dataset: lance.LanceDataset, names: Sequence[str]) -> None:
        rows = select(dataset, ["key", "metadata"], IMAGES)
        keys = as_integers(rows["key"])
        order = np.argsort(keys)  # a scan gives rows in any order
        counts, columns = columns_of(rows["metadata"].take(order), names)
        self._keys = np.repeat(keys[order], counts)
        self._columns |= columns


def columns_of(
    texts: pa.ChunkedArray, names: Sequence[str]
) -> tuple[NDArray[np.int64], dict[str, MetadataColumn]]:
    """How many items each of these texts has, as they are stored, and what the names are there."""
    different: dict[str, int] = {}
    given = (text for chunk in texts.chunks for text in chunk.to_pylist())
    places = np.array([different.setdefault(text, len(different)) for text in given], np.int64)
    columns = {name: _Distinct(unicode_forms(name)) for name in names}
    counts: list[int] = []
    for some in batched(list(different), _PARSED):
        parsed = list(map(_metadata_of_items, json.loads(f"[{','.join(some)}]")))
        counts += map(len, parsed)
        items = list(chain.from_iterable(parsed))
        for column in columns.values():
            column.add(items)
    own = np.array(counts, np.int64)
    rows = _rows_of(own, places)
    return own[places], {name: column.of(rows) for name, column in columns.items()}


def _metadata_of_items(said: Any) -> list[Mapping[str, Any]]:
    return [item["metadata"] for item in said] if isinstance(said, list) else [said]


def _rows_of(counts: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of the items of these places, where each place has some in a row."""
    own = counts[places]
    starts = (counts.cumsum() - counts)[places]
    before = own.cumsum() - own
    return np.arange(own.sum()) + np.repeat(starts - before, own)


class _Distinct:
    """The different values under one name of some metadata: 1, 1.0 and true are different."""

    def __init__(self, forms: Sequence[str]) -> None:
        self._forms = forms
        self._values: list[Any] = []
        self._numbers: list[int] = []
        self._known: dict[tuple[type, Any], int] = {}

    def add(self, parsed: Sequence[Mapping[str, Any]]) -> None:
        """The value of each under the first of the name's forms that there is."""
        last, *others = reversed(self._forms)
        found = [metadata.get(last, ...) for metadata in parsed]
        for form in others:
            found = [one.get(form, value) for one, value in zip(parsed, found, strict=True)]
        self._numbers += map(self._number_of, found)

    def _number_of(self, value: Any) -> int:
        number = len(self._values)
        if not isinstance(value, _STRUCTURES):
            number = self._known.setdefault((type(value), value), number)
        if number == len(self._values):
            self._values.append(value)
        return number

    def of(self, rows: NDArray[np.int64]) -> MetadataColumn:
        """The column of items that have these of the metadata."""
        return MetadataColumn(self._values, np.array(self._numbers, np.int32)[rows])
