"""A whole catalogue out of a database, or into one: the rows as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from imagefinder.errors import StoreError
from imagefinder.similarity import dtype
from imagefinder.stores import codebook_file
from imagefinder.stores.items import text_of
from imagefinder.stores.origin import Origin
from imagefinder.stores.postgres import properties, records, schema
from imagefinder.stores.postgres.address import Address
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.opened_catalogue import cache_files
from imagefinder.stores.postgres.records import OF_KEYS, ImageRow
from imagefinder.stores.postgres.server_index import build_chosen
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.upgrade_rows import DatabaseUpgradeRows
from imagefinder.stores.postgres.vectors import (
    OTHER_VECTORS,
    insert_vectors,
    select_vectors,
)
from imagefinder.stores.postgres.writes import record_write
from imagefinder.stores.property_names import ORIGIN
from imagefinder.stores.property_texts import properties_from, texts_of
from imagefinder.types import Features, Properties, Recipe, StoredImage

_STORE = "postgres"


class PostgresSnapshot:
    """See ``types.Snapshot``: one read transaction."""

    def __init__(self, connections: Connections, session: Session) -> None:
        """Of the catalogue as the transaction sees it."""
        self._connections, self._session = connections, session
        texts = properties.select_properties(session)
        others = int(session.value("SELECT count(*) FROM {s}.other_images"))
        with connections.decoding():
            codebook = codebook_file.read(cache_files(connections, texts["id"]))
            self.properties = properties_from(texts, others, codebook)
        self._other = self.properties.other.recipe if self.properties.other else None

    def __len__(self) -> int:
        """See Snapshot."""
        return int(self._session.value("SELECT count(*) FROM {s}.images"))

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """See ImagePages."""
        with self._connections.decoding():
            return _select_page(self._session, after, limit, self.properties.recipe, self._other)


class PostgresCopy:
    """See ``types.StoreCopy``: a schema that says of itself that it is not finished."""

    def __init__(self, url: str, source: Properties, name: str) -> None:
        """Begins the copy, or goes on with it; see Copyable."""
        self._recipe = source.recipe
        self._other = source.other.recipe if source.other else None
        self._connections = Connections(Address.of(url))
        try:
            schema.find_pgvector(self._connections)
            self._begin(Origin.of(source, name))
        except BaseException:
            self._connections.close()
            raise

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """See ImagePages."""
        with self._connections.decoding():
            return self._connections.read(
                lambda session: _select_page(session, after, limit, self._recipe, self._other)
            )

    def write(self, images: Sequence[StoredImage]) -> None:
        """See StoreCopy."""
        self._write(lambda session: self._replace(session, images))

    def remove(self, keys: Sequence[int]) -> None:
        """See StoreCopy."""
        self._write(lambda session: records.delete_images(session, keys))

    def finish(self, source: Properties) -> None:
        """See StoreCopy; builds the graph, if it is to be searched by one in the database."""
        texts = texts_of(source, _STORE)

        def use(session: Session) -> None:
            if "index" in texts:
                build_chosen(session, source.recipe, source.index)
            for name, text in texts.items():
                properties.set_property(session, name, text)
            properties.delete_property(session, ORIGIN)

        self._write(use)
        codebook_file.save_copy(cache_files(self._connections, texts["id"]), source)

    def close(self) -> None:
        """See StoreCopy."""
        self._connections.close()

    def _begin(self, origin: Origin) -> None:
        shown = self._connections.address.shown
        with schema.creating(self._connections) as session:
            if schema.exists(session):
                schema.check_version(session, shown)
                text = properties.get_property(session, ORIGIN)
                origin.check_begun(Origin.from_json(text) if text else None, shown)
            else:
                schema.make(session, self._connections, self._recipe)
                if self._other is not None:
                    DatabaseUpgradeRows(session).prepare(self._other)
            properties.set_property(session, ORIGIN, origin.to_json())  # it may have moved

    def _write(self, use: Callable[[Session], object]) -> None:
        def checked(session: Session) -> None:
            if properties.get_property(session, ORIGIN) is None:
                raise StoreError("another program has finished this copy meanwhile")
            use(session)

        self._connections.write(checked)

    def _replace(self, session: Session, images: Sequence[StoredImage]) -> None:
        records.delete_images(session, [image.record.key for image in images])
        about = [ImageRow(image.record, text_of(image.record), image.in_memory) for image in images]
        records.insert_images(session, about, record_write(session))
        _write_files(session, images)
        vectors = {image.record.key: image.vectors for image in images}
        insert_vectors(session, _features(vectors, self._recipe), self._recipe)
        self._write_others(session, images)
        for columns, blobs in (
            ("local_features (key, features)", [(i.record.key, i.local) for i in images]),
            ("signatures (key, signature)", [(i.record.key, i.signature) for i in images]),
        ):
            rows = [row for row in blobs if row[1] is not None]
            session.copy_rows(f"{{s}}.{columns}", ("int8", "bytea"), rows)

    def _write_others(self, session: Session, images: Sequence[StoredImage]) -> None:
        if self._other is not None:
            others = {
                image.record.key: image.other_vectors
                for image in images
                if image.other_vectors is not None
            }
            DatabaseUpgradeRows(session).insert(_features(others, self._other), self._other)


def _select_page(
    session: Session, after: int, limit: int, recipe: Recipe, other: Recipe | None
) -> list[StoredImage]:
    keys = session.keys(
        "SELECT key FROM {s}.images WHERE key > %s ORDER BY key LIMIT %s", (after, limit)
    ).tolist()
    if not keys:
        return []
    vectors = select_vectors(session, keys, recipe)
    others = _select_others(session, keys, other) if other is not None else {}
    given, local, signatures = (
        dict(session.rows(f"SELECT key, {column} FROM {{s}}.{table} WHERE {OF_KEYS}", (keys,)))
        for column, table in (
            ("in_memory", "images"),
            ("features", "local_features"),
            ("signature", "signatures"),
        )
    )
    return [
        StoredImage(
            record,
            given[key],
            vectors[key].tobytes(),
            others[key].tobytes() if key in others else None,
            local.get(key),
            signatures.get(key),
        )
        for key, record in records.select_records(session, keys).items()
    ]


def _select_others(session: Session, keys: Sequence[int], recipe: Recipe) -> dict[int, Features]:
    own = session.keys(f"SELECT key FROM {{s}}.other_images WHERE {OF_KEYS}", (keys,))
    return select_vectors(session, own.tolist(), recipe, OTHER_VECTORS)


def _write_files(session: Session, images: Sequence[StoredImage]) -> None:
    files = {
        file.path: (image.record.key, file.mtime_ns, file.origin)
        for image in images
        for file in image.record.files
    }
    displaced = records.select_files(session, list(files))
    records.upsert_files(session, files)
    records.delete_orphans(session, [file.key for file in displaced.values()])


def _features(blobs: Mapping[int, bytes], recipe: Recipe) -> dict[int, Features]:
    kind = dtype(recipe.measure)
    return {key: np.frombuffer(blob, kind).reshape(-1, recipe.dim) for key, blob in blobs.items()}
