"""The rows of a store that go into an index, and how the index learns that they have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from imagefinder.types import Features, Keys, LocalFeatures


class IndexedRows(Protocol):
    """One consistent snapshot of the rows, and of the writes that they came by.

    A store numbers its writes. An index that has seen it up to some write asks for what came, or
    came again, since; and one that has seen a write which the store does not list belongs to
    another history of it, as after a backup was restored.
    """

    def keys(self) -> Keys:
        """The keys of the images that have rows, ascending."""

    def pages(self, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        """The rows of these images, page by page; ``all_new`` if these are all there are.

        All rows of an image are on one page.
        """

    def newest_version(self) -> int:
        """The version of the newest write; 0 before the first."""

    def is_known(self, version: int) -> bool:
        """Whether the store's history has this write, or it is 0, before the first."""

    def keys_since(self, version: int) -> Keys:
        """The keys of images whose rows were stored after this write, ascending."""


class RowSource(Protocol):
    """Where one index gets its rows from."""

    def changed(self) -> AbstractContextManager[IndexedRows | None]:
        """A snapshot; None if nothing was written since the last one that was used to its end.

        Raises StoreError, and EncoderChanged if the vectors are another encoder's by now.
        """

    def close(self) -> None:
        """Release what is held between snapshots."""


class LocalFeatureRows(Protocol):
    """The local features of a store, from which the vectors of another index are made."""

    def keys(self) -> Keys:
        """The keys of the images that have some, ascending."""

    def count(self) -> int:
        """How many images have some."""

    def select(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """Those of these images, in order of their keys."""

    def source(self, vector_of: Callable[[LocalFeatures], Features]) -> RowSource:
        """Rows that are made of them, ``(1, dim)`` for each image."""
