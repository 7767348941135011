"""Groups of images by their keys: classes, or the relevant images of queries; they may overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Keys


class ImageGroups:
    """Sets of images; one image may be in several, as copies of a file may lie in many folders."""

    def __init__(
        self, keys: Keys, codes: NDArray[np.intp], count: int, names: Sequence[str] | None = None
    ) -> None:
        """Image ``keys[i]`` is in group ``codes[i]``, one of ``count``, which may have names."""
        order = np.lexsort((keys, codes))
        codes, keys = codes[order], keys[order]
        new = np.append(True, (np.diff(codes) != 0) | (np.diff(keys) != 0))[: len(keys)]
        self._codes, self._by_code = codes[new], keys[new]
        self._starts = np.searchsorted(self._codes, np.arange(count + 1))
        self._order = np.argsort(self._by_code, kind="stable")
        self._keys = self._by_code[self._order]
        self.names = names

    @classmethod
    def by_name(cls, members: Mapping[str, Sequence[int]]) -> ImageGroups:
        """Named groups, in order of their names."""
        names = sorted(members)
        return cls._of([members[name] for name in names], names)

    @classmethod
    def unnamed(cls, members: Iterable[Sequence[int]]) -> ImageGroups:
        """Groups with the codes 0, 1, … in the given order."""
        return cls._of(list(members), None)

    @classmethod
    def _of(cls, members: Sequence[Sequence[int]], names: Sequence[str] | None) -> ImageGroups:
        codes = np.repeat(np.arange(len(members)), [len(keys) for keys in members])
        keys = np.array([key for group in members for key in group], np.int64)
        return cls(keys, codes, len(members), names)

    def __len__(self) -> int:
        """How many groups."""
        return len(self._starts) - 1

    @property
    def sizes(self) -> NDArray[np.intp]:
        """The number of images in each."""
        return np.diff(self._starts)

    @property
    def keys(self) -> Keys:
        """The images that are in any group, ascending, each once."""
        return np.unique(self._keys)

    def codes_of(self, key: int) -> tuple[int, ...]:
        """The groups that an image is in, ascending."""
        start, end = (np.searchsorted(self._keys, key, side) for side in ("left", "right"))
        return tuple(self._codes[self._order[start:end]].tolist())

    def members(self, codes: Sequence[int]) -> Keys:
        """The images in any of these groups, ascending."""
        sets = [self._by_code[self._starts[code] : self._starts[code + 1]] for code in codes]
        return reduce(np.union1d, sets) if sets else np.empty(0, np.int64)


def is_member(keys: Keys, members: Keys) -> NDArray[np.bool_]:
    """Which of the keys are among the members, which are ascending."""
    if not len(members):
        return np.zeros(len(keys), np.bool_)
    positions = np.minimum(np.searchsorted(members, keys), len(members) - 1)
    return np.asarray(members[positions] == keys)
