"""Upserts: entries inserted, or updated where their images are stored already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from imagefinder.types import (
    Entry,
    Features,
    File,
    LocalFeatures,
    Outcome,
    Record,
    Signature,
)


class UpsertRows(Protocol):
    """The rows of a store inside one transaction."""

    def sha256_of(self, key: int) -> bytes | None:
        """The SHA-256 of an image, or None if it is not stored."""

    def insert_image(self, record: Record, features: Features, local: LocalFeatures | None) -> None:
        """Insert what depends on the content alone: no files, no metadata. Raises StoreError."""

    def insert_signature(self, key: int, signature: Signature) -> None:
        """Insert that of an image, unless it has one."""

    def update_image(self, entry: Entry) -> bool:
        """Set what is said of it, and that the image was given in memory, if it has no file.

        Whether something else is said of it now.
        """

    def upsert_file(self, key: int, file: File) -> int | None:
        """Record the path of an image; the key of the image that had this path before.

        An import does not change the origin of a file that was read or taken in already.
        """

    def delete_orphans(self, keys: set[int]) -> None:
        """Delete those of the images that have no file left and were never given in memory.

        What was said of files that the others have lost is settled; see ``items``.
        """


@dataclass
class Upsert:
    """One transaction; call ``write`` once."""

    rows: UpsertRows
    _displaced: set[int] = field(default_factory=set)
    """Images that had a path which belongs to another image now."""

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """See Store."""
        outcomes = [self._write(entry) for entry in entries]
        self.rows.delete_orphans(self._displaced)
        return outcomes

    def _write(self, entry: Entry) -> Outcome:
        record, rows = entry.record, self.rows
        stored = rows.sha256_of(record.key)
        if stored is None and entry.features is not None:
            rows.insert_image(record, entry.features, entry.local)
        elif stored != record.sha256:
            return "missing"
        if entry.signature is not None:
            rows.insert_signature(record.key, entry.signature)
        is_changed = rows.update_image(entry)
        files = record.files if entry.revision is None else ()  # since it was read, they may differ
        before = [rows.upsert_file(record.key, file) for file in files]
        displaced = {key for key in before if key not in (None, record.key)}
        self._displaced.update(displaced)
        if None in before or (stored is None and not before):
            return "added"
        return "updated" if displaced or is_changed else "unchanged"
