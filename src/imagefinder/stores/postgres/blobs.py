"""The SQL of local features, quantized to 8 bits, and of signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imagefinder.images import signature
from imagefinder.local_features import codec
from imagefinder.stores.postgres.records import OF_KEYS
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.shapes import check_local_features
from imagefinder.types import LocalFeatures, Recipe, Signature


def insert_local_features(
    session: Session, local: Mapping[int, LocalFeatures], extractor: Recipe | None
) -> None:
    """Insert those of images. Raises StoreError for another shape, NaN, or no extractor."""
    for one in local.values():
        check_local_features(one, extractor)
    rows = ((key, codec.pack(one)) for key, one in local.items())
    session.copy_rows("{s}.local_features (key, features)", ("int8", "bytea"), rows)


def select_local_features(
    session: Session, keys: Sequence[int], dim: int
) -> dict[int, LocalFeatures]:
    """Those of the images that have any stored, in order of their keys."""
    rows = session.rows(
        f"SELECT key, features FROM {{s}}.local_features WHERE {OF_KEYS} ORDER BY key",
        (list(keys),),
    )
    return {key: codec.unpack(blob, dim) for key, blob in rows}


def insert_signatures(session: Session, signatures: Mapping[int, Signature]) -> None:
    """Insert those of images, some of which may have one."""
    session.execute(
        "INSERT INTO {s}.signatures (key, signature)"
        " SELECT * FROM unnest(%s::bigint[], %s::bytea[]) ON CONFLICT (key) DO NOTHING",
        (list(signatures), [signature.pack(one) for one in signatures.values()]),
    )


def insert_new_signatures(session: Session, signatures: Mapping[int, Signature]) -> None:
    """Insert those of images that have just been inserted."""
    rows = ((key, signature.pack(one)) for key, one in signatures.items())
    session.copy_rows("{s}.signatures (key, signature)", ("int8", "bytea"), rows)


def select_signatures(session: Session, keys: Sequence[int]) -> dict[int, Signature]:
    """Those of the images that have one."""
    rows = session.rows(
        f"SELECT key, signature FROM {{s}}.signatures WHERE {OF_KEYS}", (list(keys),)
    )
    return {key: signature.unpack(blob) for key, blob in rows}


def select_without_signature(session: Session, keys: Sequence[int]) -> set[int]:
    """Those of the keys that are of stored images without a signature."""
    rows = session.rows(
        f"SELECT key FROM {{s}}.images AS own WHERE {OF_KEYS}"
        " AND NOT EXISTS (SELECT 1 FROM {s}.signatures WHERE signatures.key = own.key)",
        (list(keys),),
    )
    return {key for (key,) in rows}
