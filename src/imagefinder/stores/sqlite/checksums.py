"""Checksums of stored rows: what is read must be what was written.

SQLite finds damage to the structure of its file, but returns whatever bytes lie in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from xxhash import xxh3_64_intdigest

from imagefinder.stores.damage import Damage

_SIGNED = 2**63  # SQLite's integers have a sign


class DamagedRow(Exception):
    """A row, or the header, is not as it was written; the text says which."""


@dataclass(frozen=True)
class CheckedTable:
    """A table whose rows carry a checksum of their other columns."""

    name: str
    columns: tuple[str, ...]
    checksum: Callable[..., int]
    """Of a row's columns."""
    label: Callable[..., str]
    """What a row is, to people, from its columns."""
    key_columns: int = 1
    """How many of the first columns are the primary key."""
    spares_image: bool = False
    """Whether an image is intact without such a row."""

    @property
    def selected(self) -> str:
        """What to select (or insert) for a row with its checksum, which is the last column."""
        return ", ".join((*self.columns, "checksum"))

    @property
    def insertion(self) -> str:
        """The SQL that inserts a row with its checksum, after ``INSERT`` or ``INSERT OR …``."""
        places = ", ".join("?" for _ in (*self.columns, "checksum"))
        return f"INTO {self.name} ({self.selected}) VALUES ({places})"

    @property
    def primary_key(self) -> str:
        """Its columns."""
        return ", ".join(self.columns[: self.key_columns])

    def damage(self, row: tuple[Any, ...]) -> Damage | None:
        """What is damaged if a stored row is not intact."""
        if self.is_intact(row):
            return None
        about = dict(zip(self.columns, row, strict=False))
        paths = (str(about["path"]),) if "path" in about else ()
        return Damage(self._what(row), self.key(row), paths, self.spares_image)

    def key(self, row: tuple[Any, ...]) -> int | None:
        """The key of the image that a row belongs to, if it does."""
        key = row[self.columns.index("key")] if "key" in self.columns else None
        return key if isinstance(key, int) else None

    def with_checksum(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row as it is stored."""
        return (*row, self.checksum(*row))

    def is_intact(self, row: tuple[Any, ...]) -> bool:
        """Whether a stored row is as it was written; earlier versions wrote no checksum."""
        try:
            return row[-1] is None or row[-1] == self.checksum(*row[:-1])
        except (TypeError, ValueError, AttributeError, OverflowError):  # a value of another type
            return False

    def verified(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The rows without their checksums. Raises DamagedRow."""
        for row in rows:
            if not self.is_intact(row):
                raise DamagedRow(self._what(row))
            yield row[:-1]

    def _what(self, row: tuple[Any, ...]) -> str:
        try:
            return self.label(*row[:-1])
        except (TypeError, ValueError):  # its key is not a number
            return f"a row of the table {self.name}"


def text_checksum(*values: int | str) -> int:
    """XXH3-64 of a row of numbers and texts."""
    return xxh3_64_intdigest("\0".join(map(str, values)).encode()) - _SIGNED


def blob_checksum(seed: int, blob: bytes) -> int:
    """XXH3-64 of a row's blob, and of its numbers in the seed: no copy is made."""
    return xxh3_64_intdigest(blob, seed) - _SIGNED
