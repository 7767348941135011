"""Which images belong together, as their folders say, or a table of pairs."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import EvaluationError
from imagefinder.images.inputs import absolute
from imagefinder.types import Keys, Record, is_id

_COLUMNS = ("query", "relevant")

Label: TypeAlias = Callable[[Record], str]
"""What images share that belong together; an image that belongs to none has its own."""


def labelling(labels: str | os.PathLike[str]) -> Label:
    """``"folder"``: its name; or a CSV file as ``evaluate`` takes it, with paths or ids.

    Raises EvaluationError for a file that is no such table.
    """
    if labels == "folder":
        return lambda record: Path(record.path).parent.name if record.path else record.id
    groups = _groups(absolute(labels))

    def label(record: Record) -> str:
        names = (record.id, *(file.path for file in record.files))
        return next((groups[name] for name in names if name in groups), record.id)

    return label


def read_pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    """Of a CSV file of relevant pairs: where each line is, and its two cells.

    Raises EvaluationError, naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader: csv.DictReader[str] = csv.DictReader(file, strict=True)
            if set(_COLUMNS) - set(reader.fieldnames or ()):
                raise EvaluationError(f"{path.name}: its first line must be: query,relevant")
            for cells in reader:
                where = f"{path.name}, line {reader.line_num}"
                query, relevant = (cells[column] for column in _COLUMNS)
                if not query or not relevant:
                    raise EvaluationError(f"{where}: it must name a query and a relevant image")
                yield where, query, relevant
    except OSError as error:
        raise EvaluationError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path.name} is no CSV in UTF-8: {error}") from error


def _groups(file: Path) -> dict[str, str]:
    """Each path or id that is named, with one that stands for all that pairs tie to it."""
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for _, *pair in read_pairs(file):
        one, other = (
            name if is_id(name) else str(absolute(file.parent / os.path.expanduser(name)))
            for name in pair
        )
        leader[first(one)] = first(other)
    return {name: first(name) for name in leader}


class Groups:
    """Sets of images; one may be in several, as a file's copies may lie in several folders."""

    def __init__(
        self, keys: Keys, codes: NDArray[np.intp], names: Sequence[str] | None, count: int
    ) -> None:
        """Image ``keys[i]`` is in group ``codes[i]``, one of ``count``, which may have names."""
        order = np.lexsort((keys, codes))
        codes, keys = codes[order], keys[order]
        new = np.append(True, (np.diff(codes) != 0) | (np.diff(keys) != 0))[: len(keys)]
        self._of_code, self._by_code = codes[new], keys[new]
        self._starts = np.searchsorted(self._of_code, np.arange(count + 1))
        self._order = np.argsort(self._by_code, kind="stable")
        self._keys = self._by_code[self._order]
        self.names = names

    def __len__(self) -> int:
        """How many groups."""
        return len(self._starts) - 1

    @property
    def sizes(self) -> NDArray[np.intp]:
        """How many images are in each."""
        return np.diff(self._starts)

    @property
    def keys(self) -> Keys:
        """The images that are in any, ascending, each once."""
        return np.unique(self._keys)

    def of(self, key: int) -> tuple[int, ...]:
        """The groups that an image is in, ascending."""
        start, end = (np.searchsorted(self._keys, key, side) for side in ("left", "right"))
        return tuple(self._of_code[self._order[start:end]].tolist())

    def members(self, codes: Sequence[int]) -> Keys:
        """The images in any of these groups, ascending."""
        sets = [self._by_code[self._starts[code] : self._starts[code + 1]] for code in codes]
        return reduce(np.union1d, sets) if sets else np.empty(0, np.int64)


def subset(keys: Keys, some: Keys) -> NDArray[np.bool_]:
    """Which of the keys are among some, ascending ones."""
    if not len(some):
        return np.zeros(len(keys), np.bool_)
    places = np.minimum(np.searchsorted(some, keys), len(some) - 1)
    return np.asarray(some[places] == keys)
