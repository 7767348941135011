"""Entries of stored images, with all that is stored with them, for another store."""

from __future__ import annotations

from collections.abc import Sequence

from imagefinder.types import Entry, Features, Record, Store


def copied_entries(store: Store, images: Sequence[tuple[Record, Features]]) -> list[Entry]:
    """Of these images of a store, with the vectors that are given."""
    keys = [record.key for record, _ in images]
    local, signatures = store.local_features(keys), store.signatures(keys)
    return [
        Entry(
            record,
            features,
            record.items,
            local.get(record.key),
            signatures.get(record.key),
        )
        for record, features in images
    ]
