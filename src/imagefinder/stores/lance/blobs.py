"""Local features, quantized to 8 bits, and signatures, out of rows."""

from __future__ import annotations

from collections.abc import Sequence

import lance

from imagefinder.images import signature
from imagefinder.local_features import codec
from imagefinder.stores.lance.selection import select_by_keys
from imagefinder.types import LocalFeatures, Signature

HAS_LOCAL = "local_size IS NOT NULL"


def select_local_features(
    dataset: lance.LanceDataset, keys: Sequence[int], dim: int
) -> dict[int, LocalFeatures]:
    """Those of the images that have any stored, in order of their keys."""
    rows = select_by_keys(dataset, ["key", "local"], keys, HAS_LOCAL).sort_by("key")
    return {row["key"]: codec.unpack(row["local"], dim) for row in rows.to_pylist()}


def select_signatures(dataset: lance.LanceDataset, keys: Sequence[int]) -> dict[int, Signature]:
    """Those of the images that have one."""
    rows = select_by_keys(dataset, ["key", "signature"], keys, "has_signature")
    return {row["key"]: signature.unpack(row["signature"]) for row in rows.to_pylist()}


def select_without_signature(dataset: lance.LanceDataset, keys: Sequence[int]) -> set[int]:
    """Those of the keys that are of stored images without a signature."""
    rows = select_by_keys(dataset, ["key"], keys, "ordinal = 0 AND NOT has_signature")
    return set(rows["key"].to_pylist())
