"""Records out of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lance
import pyarrow as pa

from imagefinder.stores.items import described
from imagefinder.stores.lance.selection import select_by_keys, select_by_paths
from imagefinder.types import File, Record, StoredFile

_COLUMNS = (
    *("key", "ordinal", "sha256", "size", "width", "height", "metadata"),
    *("path", "mtime_ns", "origin"),
)
_HAS_RECORD = "(ordinal = 0 OR path IS NOT NULL)"


def select_records(dataset: lance.LanceDataset, keys: Sequence[int]) -> dict[int, Record]:
    """The records of those keys that are stored, ascending."""
    rows = select_by_keys(dataset, _COLUMNS, keys, _HAS_RECORD)
    return records_of(rows)


def records_of(rows: pa.Table) -> dict[int, Record]:
    """The records of images, all rows of each of which are given."""
    facts: dict[int, dict[str, Any]] = {}
    files: dict[int, list[File]] = {}
    for row in rows.select(_COLUMNS).to_pylist():
        if row["ordinal"] == 0:
            facts[row["key"]] = row
        if row["path"] is not None:
            files.setdefault(row["key"], []).append(
                File(row["path"], row["mtime_ns"], row["origin"])
            )
    return {key: _record(facts[key], files.get(key, [])) for key in sorted(facts)}


def _record(row: dict[str, Any], files: list[File]) -> Record:
    about = [row[name] for name in ("key", "sha256", "size", "width", "height")]
    return described(about, sorted(files, key=lambda file: file.path), row["metadata"])


def select_files(dataset: lance.LanceDataset, paths: Sequence[str]) -> dict[str, StoredFile]:
    """See ``Store.lookup_paths``."""
    rows = select_by_paths(dataset, ["key", "path", "mtime_ns", "origin"], paths).to_pylist()
    keys = list({row["key"] for row in rows})
    images = select_by_keys(dataset, ["key", "size"], keys, "ordinal = 0").to_pylist()
    sizes = {row["key"]: row["size"] for row in images}
    return {
        row["path"]: StoredFile(row["key"], sizes[row["key"]], row["mtime_ns"], row["origin"])
        for row in rows
    }


def facts_of(record: Record, in_memory: bool, metadata: str) -> dict[str, Any]:
    """What row 0 of an image says; metadata are as they are stored."""
    return {
        "key": record.key,
        "sha256": record.sha256,
        "size": record.size,
        "width": record.width,
        "height": record.height,
        "in_memory": in_memory,
        "metadata": metadata,
    }


def values_of(file: File) -> dict[str, Any]:
    """What the row of a path says."""
    return {"path": file.path, "mtime_ns": file.mtime_ns, "origin": file.origin}
