"""What one write changes: rows that are deleted, and rows that are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

_OFFSET_BITS = 32


@dataclass(frozen=True)
class Changes:
    """A row that changes is deleted where it was, and new elsewhere."""

    deleted: Sequence[int]
    """Addresses of rows: a fragment's number and, in the lower half, an offset in it."""
    rows: pa.Table | None

    def deleted_offsets(self) -> Iterator[tuple[int, list[int]]]:
        """Fragments, each with the offsets of its rows that are deleted."""
        for fragment, addresses in groupby(sorted(self.deleted), lambda one: one >> _OFFSET_BITS):
            yield fragment, [one & (2**_OFFSET_BITS - 1) for one in addresses]
