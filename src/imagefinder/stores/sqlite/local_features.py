"""The SQL of local features: the table ``local_features``, quantized to 8 bits."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from imagefinder.local_features.codec import pack, unpack
from imagefinder.stores.shapes import check_local_features
from imagefinder.stores.sqlite.checksums import CheckedTable, blob_checksum
from imagefinder.stores.sqlite.records import select_rows
from imagefinder.types import LocalFeatures, Recipe, id_of

LOCAL_FEATURES = CheckedTable(
    "local_features",
    ("key", "features"),
    blob_checksum,
    lambda key, _: f"the local features of image {id_of(key)}",
)


def insert_local_features(
    connection: apsw.Connection, key: int, local: LocalFeatures, extractor: Recipe | None
) -> None:
    """Insert those of an image. Raises StoreError for another shape, NaN, or no extractor."""
    check_local_features(local, extractor)
    connection.execute(
        f"INSERT {LOCAL_FEATURES.insertion}",
        LOCAL_FEATURES.with_checksum((key, pack(local))),
    )


def select_local_features(
    connection: apsw.Connection, keys: Sequence[int], dim: int
) -> dict[int, LocalFeatures]:
    """Those of the images that have any stored, in order of their keys."""
    rows = select_rows(connection, LOCAL_FEATURES, keys)
    return {key: unpack(blob, dim) for key, blob in rows}
