"""Which stored pictures belong together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Keys


class Groups:
    """Sets of pictures; one may be in several, as a file's copies may lie in several folders."""

    def __init__(
        self, keys: Keys, codes: NDArray[np.intp], names: Sequence[str] | None, count: int
    ) -> None:
        """Picture ``keys[i]`` is in group ``codes[i]``, one of ``count``, which may have names."""
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
        """How many pictures are in each."""
        return np.diff(self._starts)

    @property
    def keys(self) -> Keys:
        """The pictures that are in any, ascending, each once."""
        return np.unique(self._keys)

    def of(self, key: int) -> tuple[int, ...]:
        """The groups that a picture is in, ascending."""
        start, end = np.searchsorted(self._keys, [key, key + 1])
        return tuple(self._of_code[self._order[start:end]].tolist())

    def members(self, codes: Sequence[int]) -> Keys:
        """The pictures in any of these groups, ascending."""
        sets = [self._by_code[self._starts[code] : self._starts[code + 1]] for code in codes]
        return reduce(np.union1d, sets) if sets else np.empty(0, np.int64)


def among(keys: Keys, some: Keys) -> NDArray[np.bool_]:
    """Which of the keys are among some, ascending ones."""
    if not len(some):
        return np.zeros(len(keys), np.bool_)
    places = np.minimum(np.searchsorted(some, keys), len(some) - 1)
    return np.asarray(some[places] == keys)
