"""The rows of a catalogue's file, as an upsert needs them."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from imagefinder.stores.sqlite import records
from imagefinder.stores.sqlite.local_features import insert_local_features
from imagefinder.stores.sqlite.signatures import insert_signature
from imagefinder.stores.sqlite.vectors import insert_vectors
from imagefinder.stores.sqlite.writes import record_write
from imagefinder.types import Entry, Features, File, LocalFeatures, Recipe, Record, Signature


@dataclass
class FileUpsertRows:
    """See UpsertRows."""

    connection: apsw.Connection
    recipe: Recipe
    extractor: Recipe | None
    _version: int | None = None
    """Of this write, once it stores vectors."""

    def sha256_of(self, key: int) -> bytes | None:
        """See UpsertRows."""
        return records.sha256_of(self.connection, key)

    def insert_image(self, record: Record, features: Features, local: LocalFeatures | None) -> None:
        """See UpsertRows."""
        if self._version is None:
            self._version = record_write(self.connection)
        records.insert_image(self.connection, record, self._version)
        insert_vectors(self.connection, record.key, features, self.recipe)
        if local is not None:
            insert_local_features(self.connection, record.key, local, self.extractor)

    def insert_signature(self, key: int, signature: Signature) -> None:
        """See UpsertRows."""
        insert_signature(self.connection, key, signature)

    def update_image(self, entry: Entry) -> bool:
        """See UpsertRows."""
        return records.update_image(self.connection, entry)

    def upsert_file(self, key: int, file: File) -> int | None:
        """See UpsertRows."""
        return records.upsert_file(self.connection, key, file)

    def delete_orphans(self, keys: set[int]) -> None:
        """See UpsertRows."""
        records.delete_orphans(self.connection, keys)
