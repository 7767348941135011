"""The SQL of signatures: the table ``signatures``."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from imagefinder.images.signature import pack, unpack
from imagefinder.stores.sqlite.checksums import CheckedTable, blob_checksum
from imagefinder.stores.sqlite.records import OF_KEYS, select_rows
from imagefinder.types import Signature, id_of

SIGNATURES = CheckedTable(
    "signatures",
    ("key", "signature"),
    blob_checksum,
    lambda key, _: f"the signature of image {id_of(key)}",
    spares_image=True,
)


def insert_signature(connection: apsw.Connection, key: int, signature: Signature) -> None:
    """Insert that of an image, unless it has one."""
    connection.execute(
        f"INSERT OR IGNORE {SIGNATURES.insertion}",
        SIGNATURES.with_checksum((key, pack(signature))),
    )


def select_signatures(connection: apsw.Connection, keys: Sequence[int]) -> dict[int, Signature]:
    """Those of the images that have one."""
    return {key: unpack(blob) for key, blob in select_rows(connection, SIGNATURES, keys)}


def select_without_signature(connection: apsw.Connection, keys: Sequence[int]) -> set[int]:
    """Those of the keys that are of stored images without a signature."""
    rows = connection.execute(
        f"SELECT key FROM images {OF_KEYS} AND key NOT IN (SELECT key FROM signatures)",
        (json.dumps(keys),),
    )
    return {key for (key,) in rows}
