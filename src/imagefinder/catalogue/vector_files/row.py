"""Table rows of images: written from a record, and validated when read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.errors import ExchangeError
from imagefinder.images.inputs import Input, is_storable, stored_name
from imagefinder.images.metadata import check_metadata
from imagefinder.images.remote_files import is_remote
from imagefinder.similarity import dtype
from imagefinder.stores.items import text_of
from imagefinder.types import Description, Features, File, Item, Recipe, Record, key_of

COLUMNS = ("id", "path", "mtime_ns", "sha256", "size", "width", "height", "metadata", "also")
"""``path`` is the first of an image's files, ``mtime_ns`` its modification time in nanoseconds;
``also`` has the others, as a JSON list of ``[path, mtime_ns]``."""
INTEGERS = ("mtime_ns", "size", "width", "height")
"""The integer columns; the others are text."""

LONGEST_CELL = 2**24
"""In characters or bytes: in CSV an unterminated quote must not swallow the whole file."""

_REQUIRED = ("sha256", "size", "width", "height")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_ID = re.compile(r"[0-9a-f]{16}")


def to_cells(record: Record) -> dict[str, str | int | None]:
    """The row of an image, by column; ``None`` is an empty cell."""
    others = [[file.path, file.mtime_ns] for file in record.files[1:]]
    return {
        "id": record.id,
        "path": record.path,
        "mtime_ns": record.files[0].mtime_ns if record.files else None,
        "sha256": record.sha256.hex(),
        "size": record.size,
        "width": record.width,
        "height": record.height,
        "metadata": text_of(record),
        "also": json.dumps(others, ensure_ascii=False) if others else None,
    }


@dataclass(frozen=True)
class Row:
    """Cells by column name, as found in the file: untrusted."""

    cells: Mapping[str, Any]
    where: str
    """The file and the line, for error messages."""
    folder: Path
    """The base of relative paths."""

    @property
    def name(self) -> str:
        """Identifies its image among adjacent rows."""
        return str(self._cell("id") or self._cell("path"))

    @property
    def id(self) -> str:
        """The id of the image. Raises ExchangeError for anything else, such as a path."""
        with translate_errors(self.where):
            found = str(self._cell("id"))
            if not _ID.fullmatch(found):
                raise ValueError(f"its id is {found!r}, not 16 hexadecimal digits")
            return found

    def about(self) -> Record | Input:
        """The complete record or, if columns are missing, the file to read them from.

        Raises ExchangeError for invalid cells.
        """
        with translate_errors(self.where):
            metadata = self._metadata()
            check_metadata(metadata)
            if all(self._cell(name) is not None for name in _REQUIRED):
                return self._record(metadata)
            if self._cell("path") is None:
                raise ValueError("it has no path")
            return Input(Path(self._path(self._cell("path"))), metadata or None, "imported")

    def _metadata(self) -> Description:
        """Of the image, or of each of the items that share it."""
        found = self._json("metadata", dict | list)
        if found == []:
            raise ValueError("its metadata are a list of no items")
        return [self._item(one) for one in found] if isinstance(found, list) else found or {}

    def _item(self, said: Any) -> Item:
        if not isinstance(said, dict) or not isinstance(said.get("metadata"), dict):
            raise ValueError("its metadata are a list of something else than items")
        path, id_ = said.get("path"), said.get("id")
        if not isinstance(path, str | None) or not isinstance(id_, str | None):
            raise ValueError("an item's path and id are texts")
        return Item(said["metadata"], None if path is None else self._path(path), id_)

    def _record(self, metadata: Description) -> Record:
        sha256 = bytes.fromhex(str(self._cell("sha256")))
        if len(sha256) != 32:
            raise ValueError("its sha256 is not 64 hexadecimal digits")
        size, width, height = map(self._integer, _REQUIRED[1:])
        record = Record(key_of(sha256), sha256, size, width, height, self._files())
        if isinstance(metadata, Mapping):
            record = replace(record, metadata=metadata)
        elif metadata:
            record = replace(record, metadata=metadata[0].metadata, several=tuple(metadata))
        if self._cell("id") not in (None, record.id):
            raise ValueError("its id is not that of its sha256")
        return record

    def _files(self) -> tuple[File, ...]:
        if self._cell("path") is None:
            return ()
        places = [(self._cell("path"), self._cell("mtime_ns")), *(self._json("also", list) or ())]
        return tuple(File(self._path(path), _time(at), "imported") for path, at in places)

    def _path(self, text: Any) -> str:
        path = stored_name(text if is_remote(text) else self.folder / str(text))
        if "\0" in path or not is_storable(path):
            raise ValueError("its path is not one that a file can have")
        return path

    def _integer(self, name: str) -> int:
        try:
            return _int64(self._cell(name))
        except ValueError as error:
            raise ValueError(f"its {name} is not an integer") from error

    def _json(self, name: str, kind: Any) -> Any:
        """``None`` for an empty cell."""
        text = self._cell(name)
        found = None if text is None else json.loads(text)
        if not isinstance(found, kind | None):
            raise ValueError(f"its {name} is not a {getattr(kind, '__name__', kind)} in JSON")
        return found

    def _cell(self, name: str) -> Any:
        value = self.cells.get(name)
        return None if value == "" else value


def _time(given: Any) -> int:
    """A modification time, clamped to 64 bits: file systems have any."""
    text = "0" if given is None else str(given)
    try:
        number = int(text) if _INTEGER.fullmatch(text) else int(float(text))
    except (ValueError, OverflowError) as error:
        raise ValueError("its mtime_ns is not an integer") from error
    return max(-(2**63), min(2**63 - 1, number))


def _int64(value: Any) -> int:
    number = int(str(value))
    if not 0 <= number < 2**63:
        raise ValueError(f"{number} is out of range")
    return number


@dataclass(frozen=True)
class ImageVectors:
    """An image, known by its record or only by its file, and its vectors."""

    about: Record | Input
    features: Features


def to_image(line: Row, features: Features) -> ImageVectors:
    """Raises ExchangeError for invalid cells or values that are not finite."""
    if not np.isfinite(features).all():
        raise ExchangeError(f"{line.where}: its vector has values that are not finite")
    return ImageVectors(line.about(), features)


def group_rows(
    rows: Iterable[tuple[Row, Features | None]], recipe: Recipe
) -> Iterator[ImageVectors]:
    """Images from consecutive rows about each; ``None`` is an image without vectors."""
    none = np.empty((0, recipe.dim), dtype(recipe.measure))
    for _, run in groupby(rows, lambda row: row[0].name):
        lines, vectors = zip(*run, strict=True)
        yield to_image(
            lines[0], np.concatenate([none, *(row[None] for row in vectors if row is not None)])
        )


def check_vectors(vectors: Features, recipe: Recipe, where: str) -> None:
    """Raises ExchangeError unless dtype and shape are those of the recipe's encoder."""
    kind = np.dtype(dtype(recipe.measure))
    if vectors.ndim == 2 and vectors.shape[1] == recipe.dim and vectors.dtype == kind:
        return
    raise ExchangeError(
        f"{where} contains {vectors.dtype} {vectors.shape}, "
        f"but the vectors of {recipe.encoder} are {kind} (n, {recipe.dim})"
    )
