"""Queries: the images that a cluster searches with, of files, folders, object stores and tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagefinder.cluster.worker import BatchQuery
from imagefinder.downloads.parquet_rows import parquet_rows
from imagefinder.downloads.url_list import translate_errors
from imagefinder.errors import DownloadError
from imagefinder.images.files import is_utf8
from imagefinder.images.inputs import Input, absolute, inputs_of
from imagefinder.images.remote_files import RemoteFile, is_remote
from imagefinder.images.walk import FolderWalk

_COLUMNS = ("path", "image", "url")
"""Those of a Parquet file that may name the images, the first that is there."""


def queries_of(given: Sequence[str | os.PathLike[str]], walk: FolderWalk) -> Iterator[BatchQuery]:
    """The queries one by one; what cannot be one says why, or is one of the walk's errors.

    Raises DownloadError for a Parquet file that cannot be read, has no rows, or names no images.
    """
    for one in given:
        if os.fspath(one).lower().endswith(".parquet"):
            yield from _of_table(absolute(one))
        else:
            yield from map(_query, inputs_of([one], None, walk))


def _query(given: Input) -> BatchQuery:
    if is_utf8(given.name):
        return BatchQuery(given)
    name = Path(given.name.encode("utf-8", "backslashreplace").decode())
    return BatchQuery(Input(name), failure="its name is not UTF-8, so no table can hold it")


def _of_table(path: Path) -> Iterator[BatchQuery]:
    number = 0
    with translate_errors(path):
        for number, row in enumerate(parquet_rows(path), 1):
            if row.problem is None:
                yield _of_row(path, number, _cell(path, row.cells))
            else:
                yield _unusable(path, number, row.problem)
    if not number:
        raise DownloadError(f"{path.name} has no rows")


def _cell(path: Path, cells: Mapping[str, Any]) -> object:
    column = next((name for name in _COLUMNS if name in cells), None)
    if column is None:
        raise DownloadError(f"{path.name} names no images: give a column {', '.join(_COLUMNS)}")
    return cells[column]


def _of_row(path: Path, number: int, cell: object) -> BatchQuery:
    if not isinstance(cell, str) or not cell:
        return _unusable(path, number, f"no path, but {_kind(cell)}")
    if is_remote(cell):
        return BatchQuery(Input(RemoteFile(cell, 0, 0)))
    if cell.lower().startswith(("http://", "https://")):
        reason = "it is on the web: fetch such images by imagefinder download"
        return BatchQuery(Input(RemoteFile(cell, 0, 0)), failure=reason)
    return BatchQuery(Input(absolute(cell)))


def _kind(cell: object) -> str:
    if cell is None or cell == "":
        return "nothing"
    if isinstance(cell, dict):
        return "an object"
    return "a list" if isinstance(cell, list) else f"{cell!r:.40}"


def _unusable(path: Path, number: int, reason: str) -> BatchQuery:
    return BatchQuery(Input(path / f"row {number}"), failure=reason)
