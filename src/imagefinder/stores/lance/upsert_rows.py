"""The rows that an upsert reads and writes; see UpsertRows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagefinder.images import signature as signatures
from imagefinder.local_features import codec
from imagefinder.stores.items import NOTHING, updated
from imagefinder.stores.lance import records
from imagefinder.stores.lance.draft import Draft
from imagefinder.stores.shapes import check_finite, check_local_features, check_shape
from imagefinder.types import (
    Entry,
    Features,
    File,
    LocalFeatures,
    Recipe,
    Record,
    Signature,
)


@dataclass(frozen=True)
class DraftRows:
    """See UpsertRows; nothing else writes to what the draft has read, or it is made anew."""

    draft: Draft
    recipe: Recipe
    extractor: Recipe | None

    def load(self, entries: Sequence[Entry]) -> None:
        """Read what there is of these images and paths."""
        paths = list({file.path for entry in entries for file in entry.record.files})
        self.draft.load((entry.record.key for entry in entries), paths)

    def sha256_of(self, key: int) -> bytes | None:
        """See UpsertRows."""
        rows = self.draft.images.get(key)
        return rows[0].values["sha256"] if rows else None

    def insert_image(self, record: Record, features: Features, local: LocalFeatures | None) -> None:
        """See UpsertRows."""
        check_shape(features, self.recipe)
        check_finite(features)
        if local is not None:
            check_local_features(local, self.extractor)
        values = records.facts_of(record, in_memory=False, metadata=NOTHING)
        self.draft.insert_image(values, features, None if local is None else codec.pack(local))

    def insert_signature(self, key: int, signature: Signature) -> None:
        """See UpsertRows."""
        if not self.draft.images[key][0].values["has_signature"]:
            self.draft.set_signature(key, signatures.pack(signature))

    def update_image(self, entry: Entry) -> bool:
        """See UpsertRows."""
        key = entry.record.key
        row = self.draft.images[key][0]
        before = after = row.values["metadata"]
        if entry.metadata is not None or before != NOTHING:
            after = updated(before, self.draft.paths_of(key), entry)
        in_memory = row.values["in_memory"] or not entry.record.files
        row.set(metadata=after, in_memory=in_memory)
        return bool(before != after)

    def upsert_file(self, key: int, file: File) -> int | None:
        """See UpsertRows."""
        values = records.values_of(file)
        row = self.draft.paths.get(file.path)
        if row is None:
            self.draft.insert_path(key, values)
            return None
        if row.key == key:
            if file.origin == "imported":
                values["origin"] = row.values["origin"]
            row.set(**values)
            return key
        before = self.draft.remove_path(file.path)
        self.draft.insert_path(key, values)
        return before

    def delete_orphans(self, keys: set[int]) -> None:
        """See UpsertRows."""
        for key in keys:
            self.draft.remove_orphan(key)
