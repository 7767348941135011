"""The rows of a catalogue's file, as an upgrade needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apsw

from imagefinder.stores.sqlite import properties, schema
from imagefinder.stores.sqlite.records import delete_images, keys_of, select_stored
from imagefinder.stores.sqlite.vectors import OTHER_VECTORS, insert_vectors
from imagefinder.stores.sqlite.writes import record_write
from imagefinder.types import Features, Keys, Recipe

_MISSING = (
    "SELECT key FROM images WHERE key > ? AND key NOT IN (SELECT key FROM other_images)"
    " ORDER BY key LIMIT ?"
)
_DISCARD = f"DROP TABLE other_vectors; {schema.OTHER_VECTORS}; DELETE FROM other_images"
_EXCHANGE = """
    ALTER TABLE vectors RENAME TO former_vectors;
    ALTER TABLE other_vectors RENAME TO vectors;
    ALTER TABLE former_vectors RENAME TO other_vectors;
"""


@dataclass(frozen=True)
class FileUpgradeRows:
    """See UpgradeRows."""

    connection: apsw.Connection

    def get_property(self, name: str) -> str | None:
        """See UpgradeRows."""
        return properties.get_property(self.connection, name)

    def set_property(self, name: str, value: str) -> None:
        """See UpgradeRows."""
        properties.set_property(self.connection, name, value)

    def delete_property(self, name: str) -> None:
        """See UpgradeRows."""
        properties.delete_property(self.connection, name)

    def count(self) -> int:
        """See UpgradeRows."""
        return int(self.connection.execute("SELECT count(*) FROM other_images").get)

    def missing(self, after: int = -1, limit: int | None = None) -> Keys:
        """See UpgradeRows."""
        most = -1 if limit is None else limit
        return keys_of(self.connection.execute(_MISSING, (after, most)))

    def prepare(self, recipe: Recipe) -> None:
        """See UpgradeRows; a BLOB takes any vector."""

    def insert(self, features: Mapping[int, Features], recipe: Recipe) -> None:
        """See UpgradeRows."""
        for key in select_stored(self.connection, list(features)):
            sql = "INSERT OR IGNORE INTO other_images (key) VALUES (?) RETURNING 1"
            if self.connection.execute(sql, (key,)).fetchall():  # or another program was quicker
                insert_vectors(self.connection, key, features[key], recipe, OTHER_VECTORS)

    def exchange(self) -> None:
        """See UpgradeRows."""
        self.connection.execute(_EXCHANGE)
        # no index that was saved before knows any write that there is now, so none is taken for one
        # of the new vectors
        self.connection.execute("DELETE FROM writes")
        record_write(self.connection)

    def discard(self) -> None:
        """See UpgradeRows."""
        self.connection.execute(_DISCARD)

    def delete_images(self, keys: Sequence[int]) -> int:
        """See UpgradeRows."""
        return delete_images(self.connection, keys)
