"""Versions of a dataset, from which indexes are brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import lance
import numpy as np
import pyarrow as pa

from imagefinder._utils.concurrency import batched
from imagefinder.stores.indexed_rows import IndexedRows
from imagefinder.stores.lance.blobs import HAS_LOCAL, select_local_features
from imagefinder.stores.lance.failures import decoding, translating
from imagefinder.stores.lance.selection import VECTORS, as_integers, select, select_keys
from imagefinder.stores.lance.table import Table
from imagefinder.stores.lance.vectors import pages_of_vectors
from imagefinder.types import Features, Keys, LocalFeatures

_PAGE = 64  # images whose local features are read at a time


class Pages(Protocol):
    """How the rows of an index are selected."""

    @property
    def condition(self) -> str:
        """That a row has some."""

    def pages(
        self, dataset: lance.LanceDataset, new: Keys, stored: Keys
    ) -> Iterator[tuple[Keys, Features]]:
        """See IndexedRows; ``stored`` are the keys of all rows that meet the condition."""


@dataclass(frozen=True)
class VectorPages:
    """The stored embeddings as the rows of a synced index."""

    condition: str = VECTORS

    def pages(
        self, dataset: lance.LanceDataset, new: Keys, stored: Keys
    ) -> Iterator[tuple[Keys, Features]]:
        """See Pages."""
        return pages_of_vectors(dataset, new, stored)


@dataclass(frozen=True)
class _VectorsOfLocal:
    """Vectors that are made of local features."""

    dim: int
    vector_of: Callable[[LocalFeatures], Features]
    condition: str = HAS_LOCAL

    def pages(
        self, dataset: lance.LanceDataset, new: Keys, stored: Keys
    ) -> Iterator[tuple[Keys, Features]]:
        """See Pages."""
        for page in batched(new.tolist(), _PAGE):
            found = select_local_features(dataset, page, self.dim)
            vectors = [self.vector_of(local) for local in found.values()]
            yield np.array(list(found), np.int64), np.concatenate(vectors)


class _Snapshot:
    """See IndexedRows. Numbers of writes grow, whichever program makes them; see ``draft``."""

    def __init__(self, dataset: lance.LanceDataset, rows: Pages) -> None:
        self._dataset, self._rows = dataset, rows

    @cached_property
    def _written(self) -> tuple[Keys, Keys]:
        """Keys and numbers of writes, a row for each vector, in order of the keys."""
        found: pa.Table = select(self._dataset, ["key", "written"], self._rows.condition)
        keys = as_integers(found["key"])
        written = as_integers(found["written"].fill_null(0))
        order = np.argsort(keys, kind="stable")
        return keys[order], written[order]

    def keys(self) -> Keys:
        return np.unique(self._written[0])

    def pages(self, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        return self._rows.pages(self._dataset, new, self._written[0])

    def newest_version(self) -> int:
        return int(self._written[1].max(initial=0))

    def is_known(self, version: int) -> bool:
        return version == 0 or bool((self._written[1] == version).any())

    def keys_since(self, version: int) -> Keys:
        keys, written = self._written
        return np.unique(keys[written > version])


class TableRows:
    """See RowSource: what was written is known by the number of the newest version."""

    def __init__(self, table: Table, rows: Pages) -> None:
        """Nothing is read before it is needed."""
        self._table, self._rows = table, rows
        self._version: int | None = None

    @contextmanager
    def changed(self) -> Iterator[IndexedRows | None]:
        """See RowSource."""
        dataset = self._table.newest()
        if dataset.version == self._version:
            yield None
            return
        with decoding(self._table.address), translating(self._table.address):
            yield _Snapshot(dataset, self._rows)
        self._version = dataset.version

    def close(self) -> None:
        """See RowSource; it holds nothing."""


@dataclass(frozen=True)
class LocalRows:
    """See LocalFeatureRows."""

    table: Table
    dim: int

    def keys(self) -> Keys:
        """See LocalFeatureRows."""
        with translating(self.table.address):
            return select_keys(self.table.newest(), HAS_LOCAL)

    def count(self) -> int:
        """See LocalFeatureRows."""
        with translating(self.table.address):
            return int(self.table.newest().count_rows(HAS_LOCAL))

    def select(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """See LocalFeatureRows."""
        with decoding(self.table.address), translating(self.table.address):
            return select_local_features(self.table.newest(), keys, self.dim)

    def source(self, vector_of: Callable[[LocalFeatures], Features]) -> TableRows:
        """See LocalFeatureRows."""
        return TableRows(self.table, _VectorsOfLocal(self.dim, vector_of))
