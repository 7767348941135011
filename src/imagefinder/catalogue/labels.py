"""Image labels (classes): the name of an image's folder, or groups from a CSV file of pairs."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TypeAlias

from imagefinder._utils.text import one_line
from imagefinder.errors import EvaluationError
from imagefinder.images.inputs import absolute
from imagefinder.types import Record, is_id

_COLUMNS = ("query", "relevant")

Labeler: TypeAlias = Callable[[Record], str]
"""The label of a stored image; images with the same label are of one class."""


def folder_label(path: str | os.PathLike[str], level: int = 1) -> str | None:
    """The name of the folder ``level`` levels above a file; None if the path has no such folder."""
    file = PurePath(path)
    folders = [name for name in file.parts[:-1] if name != file.anchor]
    return folders[-level] if len(folders) >= level else None


def make_labeler(labels: str | os.PathLike[str]) -> Labeler:
    """Labels by ``"folder"``, or by a CSV file of pairs as ``evaluate`` takes it.

    An image without a folder or a pair has a label of its own. Raises EvaluationError for a file
    that is not such a table.
    """
    if labels == "folder":
        return lambda record: (folder_label(record.path) if record.path else None) or record.id
    groups = _connected(absolute(labels))

    def label(record: Record) -> str:
        names = (record.id, *(file.path for file in record.files))
        return next((groups[name] for name in names if name in groups), record.id)

    return label


def read_pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    """The lines of a CSV file of relevant pairs: where the line is, its query, its relevant image.

    Raises EvaluationError, naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader: csv.DictReader[str] = csv.DictReader(file, strict=True)
            if set(_COLUMNS) - set(reader.fieldnames or ()):
                raise EvaluationError(f"{path.name}: the first line must be: query,relevant")
            for cells in reader:
                where = f"{path.name}, line {reader.line_num}"
                query, relevant = (cells[column] for column in _COLUMNS)
                if not query or not relevant:
                    raise EvaluationError(f"{where}: needs both a query and a relevant image")
                yield where, query, relevant
    except OSError as error:
        raise EvaluationError(f"{path}: {one_line(error)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path.name} is not a CSV file in UTF-8: {error}") from error


def _connected(file: Path) -> dict[str, str]:
    """The connected component of each path or id, by the name of one member (union-find)."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for _, *pair in read_pairs(file):
        one, other = (
            name if is_id(name) else str(absolute(file.parent / os.path.expanduser(name)))
            for name in pair
        )
        parent[root(one)] = root(other)
    return {name: root(name) for name in parent}
