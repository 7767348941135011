"""Embedded images: a column of a dataset that has the images themselves, beside their metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.downloads.dataset_tables import batches_of, schema_of
from imagefinder.downloads.list_row import ListRow, list_row
from imagefinder.downloads.parquet_rows import rows_of
from imagefinder.downloads.table_row import TableRow
from imagefinder.downloads.url_column import is_url
from imagefinder.errors import DownloadError, ImageError
from imagefinder.images.files import read
from imagefinder.images.inputs import absolute
from imagefinder.images.kinds import is_image_signature

_HUGGING_FACE = b"huggingface"
_OF_AN_EXPORT = b"imagefinder.recipe"
_FIRST_ROWS = 100  # by which a column of bytes is known to be one of images


@dataclass(frozen=True)
class EmbeddedImages:
    """A dataset, and its column of images; its rows have content in place of a URL.

    Its vectors are left out of the metadata, and a class is written by its name.
    """

    path: Path
    column: str
    columns: tuple[str, ...]
    """Those of the metadata."""
    classes: Mapping[str, list[str]] = field(default_factory=dict)
    """The names of the classes, by column."""
    is_export: bool = False
    """Whether it was exported from a catalogue."""

    def __iter__(self) -> Iterator[ListRow]:
        """Its images one by one. Raises DownloadError."""
        number = 0
        for batch in batches_of(self.path, [self.column, *self.columns]):
            images = batch.column(self.column)
            for image, row in zip(images, rows_of(batch.select(self.columns), number), strict=True):
                number += 1
                yield from self._rows(number, image, row)

    def count(self) -> int:
        """How many rows have an image."""
        batches = batches_of(self.path, [self.column])
        return sum(len(batch) - batch.column(self.column).null_count for batch in batches)

    def _rows(self, number: int, image: Any, row: TableRow) -> Iterator[ListRow]:
        content, name = _content(image)
        try:
            if content is None and name is not None and not is_url(name):
                content = read(absolute(self.path.parent / name))
        except ImageError as error:
            row = TableRow({}, f"row {number}: {name}: {one_line(error)}")
        try:
            described = self._described(row)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            row, described = TableRow({}, f"row {number}, its metadata: {one_line(error)}"), [{}]
        url = f"sha256:{hashlib.sha256(content).hexdigest()}" if content is not None else name
        for cells in described:
            named = {**cells, self.column: name} if name else cells
            yield list_row(number, TableRow(named, row.problem), url, content)

    def _described(self, row: TableRow) -> list[dict[str, Any]]:
        """The metadata of each item that shares the image; of one, but for an export."""
        if self.is_export:
            about = json.loads(row.cells.get("metadata") or "{}")
            if isinstance(about, list):
                return [{**one["metadata"]} for one in about]
            return [{**about}]
        cells = dict(row.cells)
        for column, names in self.classes.items():
            at = cells.get(column)
            if isinstance(at, int) and 0 <= at < len(names):
                cells[column] = names[at]
        return [cells]


def embedded_images(path: Path, column: str | None) -> EmbeddedImages | None:
    """A dataset with the given or the detected column of images; ``None`` if it has none.

    Raises DownloadError.
    """
    schema = schema_of(path)
    if column is None:
        column = _image_column(path, schema)
    elif column not in schema.names or not _may_have_images(schema.field(column).type):
        return None
    if column is None:
        return None
    metadata = schema.metadata or {}
    is_export = _OF_AN_EXPORT in metadata
    others = [one for one in schema if one.name != column and not _is_vector(one.type)]
    names = [one.name for one in others if not is_export or one.name == "metadata"]
    classes = _classes(metadata.get(_HUGGING_FACE, b"{}"), names)
    return EmbeddedImages(path, column, tuple(names), classes, is_export)


def open_dataset(path: Path, column: str | None) -> EmbeddedImages:
    """A dataset in a folder. Raises DownloadError if it has no such column of images."""
    found = embedded_images(path, column)
    if found is None:
        known = ", ".join(schema_of(path).names[:20])
        what = "of images" if column is None else f"of images {column!r}"
        raise DownloadError(f"{path.name} is a dataset without a column {what}; it has: {known}")
    return found


def _image_column(path: Path, schema: Any) -> str | None:
    """The first column whose first image is one."""
    names: list[str] = [one.name for one in schema if _may_have_images(one.type)]
    for name in names:
        first = (image for batch in batches_of(path, [name]) for image in batch.column(name))
        for _, image in zip(range(_FIRST_ROWS), first, strict=False):
            content, path_ = _content(image)
            if content is not None and is_image_signature(content[:32]):
                return name
            if path_ is not None and content is None:
                return name
    return None


def _content(image: Any) -> tuple[bytes | None, str | None]:
    """The bytes of an image, and its name or path."""
    value = image.as_py()
    if not isinstance(value, dict):
        return value, None
    content, name = value["bytes"], value.get("path")
    return content, name if isinstance(name, str) and name else None


def _may_have_images(kind: Any) -> bool:
    """Whether it is a column of bytes, or what ``datasets`` calls an Image."""
    types = optional_import("pyarrow", "parquet", "a dataset").types
    if types.is_struct(kind):
        names = {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}
        return "bytes" in names and names.keys() <= {"bytes", "path"} and _is_bytes(names["bytes"])
    return _is_bytes(kind) and not types.is_null(kind)


def _is_bytes(kind: Any) -> bool:
    types = optional_import("pyarrow", "parquet", "a dataset").types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_null(kind))


def _is_vector(kind: Any) -> bool:
    """Whether its cells are lists of fractions, or of a fixed number of numbers."""
    types = optional_import("pyarrow", "parquet", "a dataset").types
    if types.is_fixed_size_list(kind):
        return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))
    is_list = types.is_list(kind) or types.is_large_list(kind)
    return bool(is_list and types.is_floating(kind.value_type))


def _classes(text: bytes, columns: list[str]) -> dict[str, list[str]]:
    """The names of classes, where ``datasets`` has numbers; what it does not say is left as is."""
    try:
        features = json.loads(text)["info"]["features"]
        found = {
            name: list(map(str, features[name]["names"]))
            for name in columns
            if features.get(name, {}).get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return found
