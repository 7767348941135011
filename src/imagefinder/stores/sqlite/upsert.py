"""Upserts: entries inserted, or updated where their images are stored already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import apsw

from imagefinder.stores.sqlite.local_features import insert_local_features
from imagefinder.stores.sqlite.records import (
    delete_orphans,
    insert_image,
    sha256_of,
    update_image,
    upsert_file,
)
from imagefinder.stores.sqlite.signatures import insert_signature
from imagefinder.stores.sqlite.vectors import insert_vectors
from imagefinder.stores.sqlite.writes import record_write
from imagefinder.types import Entry, Features, LocalFeatures, Outcome, Recipe, Record


@dataclass
class Upsert:
    """One transaction; call ``write`` once."""

    connection: apsw.Connection
    recipe: Recipe
    extractor: Recipe | None
    _displaced: set[int] = field(default_factory=set)
    """Images that had a path which belongs to another image now."""
    _version: int | None = None
    """Of this write, once it stores vectors."""

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """See Store."""
        outcomes = [self._write(entry) for entry in entries]
        delete_orphans(self.connection, self._displaced)
        return outcomes

    def _write(self, entry: Entry) -> Outcome:
        record = entry.record
        stored = sha256_of(self.connection, record.key)
        if stored is None and entry.features is not None:
            self._insert(record, entry.features, entry.local)
        elif stored != record.sha256:
            return "missing"
        if entry.signature is not None:
            insert_signature(self.connection, record.key, entry.signature)
        is_changed = update_image(self.connection, entry)
        before = [upsert_file(self.connection, record.key, file) for file in record.files]
        displaced = {key for key in before if key not in (None, record.key)}
        self._displaced.update(displaced)
        if None in before or (stored is None and not before):
            return "added"
        return "updated" if displaced or is_changed else "unchanged"

    def _insert(self, record: Record, features: Features, local: LocalFeatures | None) -> None:
        if self._version is None:
            self._version = record_write(self.connection)
        insert_image(self.connection, record, self._version)
        insert_vectors(self.connection, record.key, features, self.recipe)
        if local is not None:
            insert_local_features(self.connection, record.key, local, self.extractor)
