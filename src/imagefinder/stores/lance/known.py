"""What a dataset may hold, kept in memory while images are added.

Most images that are added are new: for them nothing has to be looked up in the dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import lance
import numpy as np
import pyarrow as pa

from imagefinder.stores.lance.selection import as_integers
from imagefinder.types import Keys

_FIRST, _CREDIT = 50_000, 20_000  # rows that are read at once, and for each look-up
_MOST = 20_000_000  # rows, of 16 bytes each
_RUNS = 16  # that are not merged


@dataclass
class SortedNumbers:
    """A set of integers, some of which are sorted apart."""

    _runs: list[Keys] = field(default_factory=lambda: [np.empty(0, np.int64)])

    def add(self, numbers: Keys) -> None:
        """More of them."""
        self._runs.append(np.sort(numbers))
        if len(self._runs) > _RUNS:
            merged = np.sort(np.concatenate(self._runs), kind="stable")  # which merges runs
            is_last = np.append(merged[1:] != merged[:-1], True)[: len(merged)]  # of its value
            self._runs = [merged[is_last]]

    def holds_any(self, numbers: Keys) -> bool:
        """Whether any of them is in it."""
        numbers = np.sort(numbers)  # so that they are found in the order of memory
        for run in self._runs:
            places = np.searchsorted(run, numbers)
            inside = places < len(run)
            if (run[places[inside]] == numbers[inside]).any():
                return True
        return False


class Known:
    """Keys and hashes of the paths of all rows of a dataset, and perhaps of some deleted ones.

    What is not known yet is read once that costs no more than the look-ups that it saves.
    """

    def __init__(self, first: int = _FIRST, credit: int = _CREDIT) -> None:
        """Nothing is read yet; so many rows are at first, and more each time that it is asked."""
        self._files: set[str] = set()
        """Names of the data files that are known, which are never used again."""
        self._keys, self._paths = SortedNumbers(), SortedNumbers()
        self._rows = 0
        self._affordable, self._credit = first, credit
        self._guard = Lock()

    def may_hold(self, dataset: lance.LanceDataset, keys: Keys, paths: Sequence[str]) -> bool:
        """Whether any of these images or paths may be stored; False is certain."""
        with self._guard:
            if not self._read(dataset):
                return True
            return self._keys.holds_any(keys) or self._paths.holds_any(_hashes(paths))

    def add(
        self,
        before: lance.LanceDataset,
        after: lance.LanceDataset,
        keys: Keys,
        paths: Sequence[str],
    ) -> None:
        """What was written, if the next version holds nothing else that is new."""
        with self._guard:
            if after.version == before.version + 1 and not self._unknown(before):
                self._add(self._unknown(after), keys, paths)

    def _read(self, dataset: lance.LanceDataset) -> bool:
        """Whether all is known."""
        unknown = self._unknown(dataset)
        rows = sum(one.metadata.physical_rows for one in unknown.values())
        if rows > self._affordable or self._rows + rows > _MOST:
            self._affordable += self._credit
            return False
        if unknown:
            scanner = dataset.scanner(columns=["key", "path"], fragments=list(unknown.values()))
            found: pa.Table = scanner.to_table()
            paths = found["path"].drop_null().to_pylist()
            self._add(unknown, as_integers(found["key"]), paths)
        return True

    def _unknown(self, dataset: lance.LanceDataset) -> dict[str, lance.LanceFragment]:
        named = {one.metadata.files[0].path: one for one in dataset.get_fragments()}
        return {name: one for name, one in named.items() if name not in self._files}

    def _add(
        self, unknown: dict[str, lance.LanceFragment], keys: Keys, paths: Sequence[str]
    ) -> None:
        self._keys.add(keys)
        self._paths.add(_hashes(paths))
        self._rows += len(keys)
        self._files.update(unknown)


def _hashes(paths: Sequence[str]) -> Keys:
    return np.fromiter(map(hash, paths), np.int64, len(paths))
