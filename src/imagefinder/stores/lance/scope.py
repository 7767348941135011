"""What a search in the engine is limited to: a version, and the images of a subset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from lance.dataset import serialize_row_addrs

from imagefinder.stores.lance.failures import translating
from imagefinder.stores.lance.selection import VECTORS, as_integers, of_keys
from imagefinder.stores.lance.table import Table
from imagefinder.types import Keys

_FEW = 1000  # images of a subset that a condition names
_BATCH = 8192  # rows


@dataclass(frozen=True)
class Scope:
    """Rows with a vector, in one version."""

    dataset: lance.LanceDataset
    count: int
    """How many there are."""
    condition: str | None = None
    row_ids: bytes | None = None
    """Serialized; together with the condition, if there is one."""

    def nearest(self, query: Mapping[str, Any]) -> pa.Table:
        """What the engine finds."""
        return self.dataset.scanner(
            columns=["key", "vector", "_distance"],
            nearest=dict(query),
            filter=self.condition,
            prefilter=True,
            row_addr_allowlist=self.row_ids,
        ).to_table()

    def batches(self) -> Iterator[pa.Table]:
        """All of them."""
        condition = VECTORS if self.condition is None else f"{VECTORS} AND {self.condition}"
        scanner = self.dataset.scanner(
            columns=["key", "vector"],
            filter=condition,
            row_addr_allowlist=self.row_ids,
            batch_size=_BATCH,
        )
        return (pa.Table.from_batches([batch]) for batch in scanner.to_batches())


class Scopes:
    """The scopes of searches; which row belongs to which image is read once for each version."""

    def __init__(self, table: Table) -> None:
        """Nothing is read before it is needed."""
        self.table = table
        self._guard = Lock()
        self._rows: tuple[int, Keys, Keys] | None = None
        self._count: tuple[int, int] | None = None

    def scope(self, subset: Keys | None) -> Scope:
        """All images, or those of a subset, in the newest version."""
        dataset = self.table.newest()
        with translating(self.table.address):
            if subset is None:
                return Scope(dataset, self._count_in(dataset))
            if len(subset) <= _FEW:
                condition = of_keys(subset.tolist()) if len(subset) else "false"
                return Scope(
                    dataset, int(dataset.count_rows(f"{VECTORS} AND {condition}")), condition
                )
            keys, ids = self._rows_of(dataset)
            wanted = ids[np.isin(keys, subset)]
            return Scope(dataset, len(wanted), row_ids=serialize_row_addrs(wanted.tolist()))

    def _count_in(self, dataset: lance.LanceDataset) -> int:
        with self._guard:
            if self._count is None or self._count[0] != dataset.version:
                self._count = dataset.version, int(dataset.count_rows(VECTORS))
            return self._count[1]

    def _rows_of(self, dataset: lance.LanceDataset) -> tuple[Keys, Keys]:
        """The keys of all rows with a vector, and their ids."""
        with self._guard:
            if self._rows is None or self._rows[0] != dataset.version:
                scanner = dataset.scanner(columns=["key"], filter=VECTORS, with_row_id=True)
                found = scanner.to_table()
                ids = as_integers(found["_rowid"])
                self._rows = dataset.version, as_integers(found["key"]), ids
            return self._rows[1:]
