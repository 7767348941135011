"""A catalogue as it was opened: its connections, what describes it, and its indexes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from platformdirs import user_cache_path

from imagefinder.errors import EncoderChanged
from imagefinder.registry import recipes
from imagefinder.stores.cache_files import CacheFiles
from imagefinder.stores.index_pool import IndexPool
from imagefinder.stores.postgres import properties
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.scan import PgvectorScan
from imagefinder.stores.postgres.server_index import ServerIndexSearch, server_index_of
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.snapshots import DatabaseRows, LocalRows
from imagefinder.stores.postgres.upgrade_rows import DatabaseUpgradeRows
from imagefinder.stores.postgres.vectors import VectorRows
from imagefinder.stores.property_names import VECTORS_ID
from imagefinder.stores.vlad_index import VladIndex
from imagefinder.types import IndexChoice, Recipe


class OpenedCatalogue:
    """Opened once, for the vectors of one encoder."""

    def __init__(self, connections: Connections, index: IndexChoice | None) -> None:
        """Searched by its own kind of index, or another."""
        self.connections = connections
        connections.locks_vectors = True
        about = connections.read(properties.select_properties)
        with connections.decoding():
            self.recipe = recipes.from_json(about["recipe"])
            self.extractor = recipes.from_json(about["extractor"]) if "extractor" in about else None
            own = recipes.choice_from_json(about.get("index"))
            self._files = cache_files(connections, about["id"])
            self._vectors = about.get(VECTORS_ID, "")
        self._guard = Lock()
        self.indexes = self.new_indexes(index or own)
        self._vlad: VladIndex | None = None

    def new_indexes(self, choice: IndexChoice) -> IndexPool:
        """Indexes of this kind, not yet built."""
        rows = VectorRows(self.recipe, self.check)
        connections = self.connections
        return IndexPool(
            choice,
            self.recipe,
            lambda: DatabaseRows(connections, rows),
            self._files,
            {
                "pgvector": lambda measure: PgvectorScan(rows, measure, connections),
                "pgvector-hnsw": lambda measure: ServerIndexSearch(
                    rows, server_index_of(self.recipe, dict(choice.options)), measure, connections
                ),
            },
        )

    @contextmanager
    def upgrade_reading(self) -> Iterator[DatabaseUpgradeRows]:
        """See ``upgrade.Opened``."""
        with self.connections.reading() as session:
            self.check(session)
            yield DatabaseUpgradeRows(session)

    @contextmanager
    def upgrade_writing(self) -> Iterator[DatabaseUpgradeRows]:
        """See ``upgrade.Opened``."""
        with self.connections.writing() as session:
            self.check(session)
            yield DatabaseUpgradeRows(session)

    def check(self, session: Session) -> None:
        """Raise EncoderChanged unless the stored vectors are still those that were opened."""
        if not self.is_current(session):
            raise EncoderChanged(
                f"{self.connections.address.name} has been upgraded from {self.recipe.encoder} to "
                "another encoder: open it again"
            )

    def is_current(self, session: Session) -> bool:
        """Whether the stored vectors are still those that were opened."""
        return properties.vectors_id(session) == self._vectors

    def vlad_index(self, extractor: Recipe) -> VladIndex:
        """The index of aggregated local features."""
        with self._guard:
            if self._vlad is None:
                rows = LocalRows(self.connections, extractor.dim)
                self._vlad = VladIndex(self._files, rows, extractor.dim)
            return self._vlad

    def close(self) -> None:
        """Release connections and indexes; idempotent."""
        self.connections.close()
        self.indexes.close()
        with self._guard:
            if self._vlad is not None:
                self._vlad.close()


def cache_files(connections: Connections, own: str) -> CacheFiles:
    """In the user's cache folder, by the server and the database, since a copy has the same id."""
    given = connections.address.parameters()
    place = [str(given.get(part, "")) for part in ("host", "hostaddr", "port", "service", "dbname")]
    digest = hashlib.sha256("\0".join([*place, own]).encode()).hexdigest()[:16]
    folder: Path = user_cache_path("imagefinder") / "postgres" / digest
    with suppress(OSError):  # then indexes stay in memory
        folder.mkdir(parents=True, exist_ok=True)
    return CacheFiles(folder / "catalogue", own)
