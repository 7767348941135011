"""Rows of a dataset, selected by keys, by paths, or in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import lance
import numpy as np
import pyarrow as pa

from imagefinder._utils.concurrency import batched
from imagefinder.stores.path_range import path_range
from imagefinder.types import Keys

IMAGES = "ordinal = 0"
"""One row of each image."""
VECTORS = "has_vector"
"""Those with a vector."""

_VALUES = 2000  # in one condition
_FOLDERS = 50  # in one condition, which is a tree of them


def quoted(text: str) -> str:
    """A text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def of_keys(keys: Iterable[int]) -> str:
    """The condition that a row is of one of these images; there must be some."""
    return f"key IN ({', '.join(str(int(key)) for key in keys)})"


def of_paths(paths: Iterable[str]) -> str:
    """The condition that a row has one of these paths; there must be some."""
    return f"path IN ({', '.join(map(quoted, paths))})"


def select(
    dataset: lance.LanceDataset,
    columns: Sequence[str],
    condition: str | None = None,
    *,
    with_address: bool = False,
) -> pa.Table:
    """These columns of the rows that meet a condition."""
    scanner = dataset.scanner(
        columns=list(columns), filter=condition, with_row_address=with_address
    )
    return scanner.to_table()


def select_by_keys(
    dataset: lance.LanceDataset,
    columns: Sequence[str],
    keys: Sequence[int],
    condition: str | None = None,
    *,
    with_address: bool = False,
) -> pa.Table:
    """The same of the rows of these images, in any order."""
    return _in_parts(
        dataset, columns, map(of_keys, batched(keys, _VALUES)), condition, with_address
    )


def select_by_paths(
    dataset: lance.LanceDataset, columns: Sequence[str], paths: Sequence[str]
) -> pa.Table:
    """The same of the rows with these paths."""
    return _in_parts(dataset, columns, map(of_paths, batched(paths, _VALUES)))


def select_by_keys_or_paths(
    dataset: lance.LanceDataset, columns: Sequence[str], keys: Sequence[int], paths: Sequence[str]
) -> pa.Table:
    """The rows of these images and those with these paths, with their addresses."""
    found = []
    for start in range(0, max(len(keys), len(paths)), _VALUES):
        some, others = keys[start : start + _VALUES], paths[start : start + _VALUES]
        terms = [of_keys(some)] if some else []
        terms += [of_paths(others)] if others else []
        found.append(select(dataset, columns, " OR ".join(terms), with_address=True))
    return pa.concat_tables(found) if found else _empty(dataset, columns, True)


def select_keys(dataset: lance.LanceDataset, condition: str = IMAGES) -> Keys:
    """The keys of the rows that meet a condition, ascending, each once."""
    return np.unique(as_integers(select(dataset, ["key"], condition)["key"]))


def keys_in_folders(dataset: lance.LanceDataset, folders: Sequence[str]) -> Keys:
    """The keys of images in any of these folders, or at any of these paths, ascending."""
    files = select_by_paths(dataset, ["key"], folders)
    ranges = (" OR ".join(map(in_folder, some)) for some in batched(folders, _FOLDERS))
    inside = _in_parts(dataset, ["key"], ranges)
    return np.unique(np.concatenate([as_integers(one["key"]) for one in (files, inside)]))


def in_folder(folder: str) -> str:
    """The condition that a row has a path below a folder."""
    start, end = path_range(folder)
    return f"(path > {quoted(start)} AND path < {quoted(end)})"


def as_integers(column: pa.ChunkedArray) -> Keys:
    """A column of integers without nulls, as an array."""
    integers: Keys = column.to_numpy().astype(np.int64, copy=False)
    return integers


def _in_parts(
    dataset: lance.LanceDataset,
    columns: Sequence[str],
    parts: Iterable[str],
    condition: str | None = None,
    with_address: bool = False,
) -> pa.Table:
    also = f" AND {condition}" if condition else ""
    found = [
        select(dataset, columns, f"({part}){also}", with_address=with_address) for part in parts
    ]
    return pa.concat_tables(found) if found else _empty(dataset, columns, with_address)


def _empty(dataset: lance.LanceDataset, columns: Sequence[str], with_address: bool) -> pa.Table:
    kinds = [dataset.schema.field(name) for name in columns]
    kinds += [pa.field("_rowaddr", pa.uint64())] if with_address else []
    return pa.schema(kinds).empty_table()
