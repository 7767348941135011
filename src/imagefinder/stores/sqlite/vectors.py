"""The SQL of embeddings: the table ``vectors``, one row per vector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import apsw
import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.similarity import dtype
from imagefinder.stores.shapes import check_finite, check_shape
from imagefinder.stores.sqlite.checksums import CheckedTable, blob_checksum
from imagefinder.stores.sqlite.records import OF_KEYS, keys_of, select_rows
from imagefinder.types import Features, Keys, Recipe, id_of

VECTORS = CheckedTable(
    "vectors",
    ("key", "row", "vector"),
    lambda key, row, vector: blob_checksum(key + row, vector),
    lambda key, *_: f"a vector of image {id_of(key)}",
    key_columns=2,
)
OTHER_VECTORS = replace(
    VECTORS,
    name="other_vectors",
    label=lambda key, *_: f"a vector of image {id_of(key)} by another encoder",
    spares_image=True,
)
"""Of an upgrade that is not finished, or those that one has kept."""

_PAGE = 1000  # vectors read at a time, or some more


def insert_vectors(
    connection: apsw.Connection,
    key: int,
    features: Features,
    recipe: Recipe,
    table: CheckedTable = VECTORS,
) -> None:
    """Insert the vectors of an image. Raises StoreError for another shape, dtype, or NaN."""
    check_shape(features, recipe)
    check_finite(features)
    connection.executemany(
        f"INSERT {table.insertion}",
        [table.with_checksum((key, row, vector.tobytes())) for row, vector in enumerate(features)],
    )


def select_vectors(
    connection: apsw.Connection, keys: Sequence[int], recipe: Recipe
) -> dict[int, Features]:
    """The vectors of each of these images, in the order of their rows; none is ``(0, dim)``."""
    blobs: dict[int, list[bytes]] = {key: [] for key in keys}
    for key, _, blob in select_rows(connection, VECTORS, keys):
        blobs[key].append(blob)
    return {key: from_blobs(own, recipe) for key, own in blobs.items()}


def from_blobs(blobs: Sequence[bytes], recipe: Recipe) -> Features:
    """One vector per blob, ``(n, dim)``. Raises ValueError or TypeError for invalid bytes."""
    flat = np.frombuffer(b"".join(blobs), dtype(recipe.measure))
    if not np.isfinite(flat).all():
        raise ValueError("vectors are not finite")
    return flat.reshape(len(blobs), recipe.dim)


@dataclass(frozen=True)
class VectorRows:
    """The stored embeddings as the rows of a synced index."""

    recipe: Recipe
    check: Callable[[apsw.Connection], None]
    """Raises EncoderChanged if the stored vectors are another encoder's by now."""

    def keys(self, connection: apsw.Connection) -> Keys:
        """See IndexedRows."""
        self.check(connection)
        return keys_of(connection.execute("SELECT DISTINCT key FROM vectors"))

    def pages(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """See IndexedRows."""
        for page in _pages(_select_blobs(connection, new, all_new)):
            keys = np.array([key for key, _, _ in page], np.int64)
            yield keys, from_blobs([blob for _, _, blob in page], self.recipe)


def _select_blobs(connection: apsw.Connection, keys: Keys, all_new: bool) -> Iterator[Any]:
    """Rows of vectors: in the order of the file if all are new, else selected by key."""
    if all_new:
        return VECTORS.verified(
            connection.execute(f"SELECT {VECTORS.selected} FROM vectors ORDER BY rowid")
        )
    sql = f"SELECT {VECTORS.selected} FROM vectors {OF_KEYS} ORDER BY key"
    pages = batched(keys.tolist(), _PAGE)
    return chain.from_iterable(
        VECTORS.verified(connection.execute(sql, (json.dumps(page),))) for page in pages
    )


def _pages(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Whole images, since what is saved between two pages must have all rows of its keys."""
    page: list[Any] = []
    for _, own in groupby(rows, key=itemgetter(0)):
        page.extend(own)
        if len(page) >= _PAGE:
            yield page
            page = []
    if page:
        yield page
