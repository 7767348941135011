"""The rows of a catalogue in a database, as an upgrade needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imagefinder.stores.postgres import properties, records, schema
from imagefinder.stores.postgres.server_index import drop_server_index
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.vectors import OTHER_VECTORS, insert_vectors
from imagefinder.stores.postgres.writes import record_write
from imagefinder.types import Features, Keys, Recipe

_MISSING = (
    "SELECT key FROM {s}.images AS own WHERE key > %s AND NOT EXISTS"
    " (SELECT 1 FROM {s}.other_images WHERE other_images.key = own.key) ORDER BY key LIMIT %s"
)
_EXCHANGE = """
    ALTER TABLE {s}.vectors RENAME TO former_vectors;
    ALTER TABLE {s}.other_vectors RENAME TO vectors;
    ALTER TABLE {s}.former_vectors RENAME TO other_vectors;
    TRUNCATE {s}.writes;
"""


@dataclass(frozen=True)
class DatabaseUpgradeRows:
    """See UpgradeRows."""

    session: Session

    def get_property(self, name: str) -> str | None:
        """See UpgradeRows."""
        return properties.get_property(self.session, name)

    def set_property(self, name: str, value: str) -> None:
        """See UpgradeRows."""
        properties.set_property(self.session, name, value)

    def delete_property(self, name: str) -> None:
        """See UpgradeRows."""
        properties.delete_property(self.session, name)

    def count(self) -> int:
        """See UpgradeRows."""
        return int(self.session.value("SELECT count(*) FROM {s}.other_images"))

    def missing(self, after: int = -1, limit: int | None = None) -> Keys:
        """See UpgradeRows."""
        return self.session.keys(_MISSING, (after, limit))

    def prepare(self, recipe: Recipe) -> None:
        """See UpgradeRows; the table stays the same, with the rights that others have to it."""
        self.discard()
        kind = schema.embedding_type(recipe)
        self.session.script(
            f"ALTER TABLE {OTHER_VECTORS} ALTER COLUMN embedding TYPE {kind} USING NULL::{kind}"
        )

    def insert(self, features: Mapping[int, Features], recipe: Recipe) -> None:
        """See UpgradeRows."""
        stored = records.select_stored(self.session, list(features))
        new = self.session.rows(  # or another program was quicker
            "INSERT INTO {s}.other_images (key) SELECT unnest(%s::bigint[])"
            " ON CONFLICT DO NOTHING RETURNING key",
            (stored,),
        )
        own = {key: features[key] for (key,) in new}
        insert_vectors(self.session, own, recipe, OTHER_VECTORS)

    def exchange(self) -> None:
        """See UpgradeRows."""
        drop_server_index(self.session)
        self.session.script(_EXCHANGE)
        # no index that was saved before knows any write that there is now, so none is taken for one
        # of the new vectors
        record_write(self.session)

    def discard(self) -> None:
        """See UpgradeRows."""
        self.session.script(f"TRUNCATE {OTHER_VECTORS}, {{s}}.other_images")

    def delete_images(self, keys: Sequence[int]) -> int:
        """See UpgradeRows."""
        return records.delete_images(self.session, keys)
