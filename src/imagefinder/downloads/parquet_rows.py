"""Parquet, row by row: compressed tables may unpack to any size, so what is decoded is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.downloads.table_row import MOST_CELL, TableRow, unique_names
from imagefinder.errors import DownloadError

_BATCH_ROWS = 1000
_BATCH_BYTES = 2**25
_SUSPECT_BYTES = 2**26
_SUSPECT_VALUES = 2**24
_MOST_RATIO = 100
"""A column chunk that is larger than that and unpacks to this many times its size is a bomb."""


def parquet_rows(path: Path) -> Iterator[TableRow]:
    """The rows of a file, without columns of bytes. A row with an unusable cell says why.

    Raises DownloadError for a file that is damaged or would unpack to an absurd size, and OSError.
    """
    pa = optional_import("pyarrow", "parquet", "'.parquet'")
    parquet = optional_import("pyarrow.parquet", "parquet", "'.parquet'")
    optional_import("pyarrow.compute", "parquet", "'.parquet'")  # becomes pa.compute
    try:
        metadata = parquet.read_metadata(path)
        # texts stay as a dictionary and indices, however often one occurs
        texts = [
            metadata.schema.column(number).path
            for number in range(metadata.num_columns)
            if metadata.schema.column(number).physical_type == "BYTE_ARRAY"
        ]
        number = 0
        with parquet.ParquetFile(path, read_dictionary=texts, buffer_size=2**20) as file:
            for group in range(file.num_row_groups):
                size = batch_size(metadata.row_group(group), path)
                for batch in file.iter_batches(size, row_groups=[group]):
                    yield from rows_of(batch, number)
                    number += batch.num_rows
    except pa.ArrowException as error:
        raise DownloadError(f"{path.name}: {one_line(error)}") from error


def batch_size(group: Any, path: Path) -> int:
    """How many rows of a row group to decode at a time. Raises DownloadError for a bomb."""
    rows = max(group.num_rows, 1)
    size = 0
    for number in range(group.num_columns):
        column = group.column(number)
        unpacked, packed = column.total_uncompressed_size, max(column.total_compressed_size, 1)
        repeated = column.num_values - rows
        if (unpacked > _SUSPECT_BYTES and unpacked > _MOST_RATIO * packed) or (
            repeated > _SUSPECT_VALUES and repeated > _MOST_RATIO * unpacked
        ):
            raise DownloadError(
                f"{path.name}: column {column.path_in_schema!r} would unpack to a multiple of "
                f"{_MOST_RATIO} times its size, so it is not read: leave it out of the list"
            )
        size += unpacked + 8 * column.num_values
    return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES * rows / max(size, 1))))


def rows_of(batch: Any, before: int) -> Iterator[TableRow]:
    """The rows of a batch, of a table that has so many before it."""
    columns = _columns(optional_import("pyarrow", "parquet", "'.parquet'"), batch)
    for row in range(batch.num_rows):
        yield _row(columns, row, before + row + 1)


def _columns(pa: Any, batch: Any) -> Mapping[str, _Column]:
    return {
        name: _Column(pa, array)
        for name, array in zip(unique_names(batch.schema.names), batch.columns, strict=True)
        if not _is_bytes(pa, array.type)
    }


def _is_bytes(pa: Any, kind: Any) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_binary(inner)
        or pa.types.is_large_binary(inner)
        or pa.types.is_fixed_size_binary(inner)
    )


def _row(columns: Mapping[str, _Column], row: int, number: int) -> TableRow:
    cells = {}
    for name, column in columns.items():
        try:
            cells[name] = column.cell(row)
        except (ValueError, OverflowError) as error:
            return TableRow({}, f"row {number}, column {name!r}: {one_line(error)}")
    return TableRow(cells)


class _Column:
    """An array whose cells are made into values one by one, unless they are too large."""

    def __init__(self, pa: Any, array: Any) -> None:
        self._pa = pa
        self._array = array
        self._sizes = _sizes(pa, array)

    def cell(self, row: int) -> Any:
        """A value that JSON can hold, or nearly. Raises ValueError or OverflowError."""
        if self._sizes is not None and self._sizes[row] > MOST_CELL:
            raise ValueError(f"{self._sizes[row]:,} bytes, but a cell may have {MOST_CELL:,}")
        scalar = self._array[row]
        try:
            return scalar.as_py()
        except (ValueError, OverflowError):
            return self._as_text(scalar)

    def _as_text(self, scalar: Any) -> str:
        """Of a time that Python cannot hold: with nanoseconds, or far in the future."""
        if self._pa.types.is_nested(scalar.type) or not self._pa.types.is_temporal(scalar.type):
            raise ValueError("its value cannot be read")
        text = str(scalar.cast(self._pa.string()).as_py())
        if "out of range" in text:
            raise ValueError("its time is out of range")
        return text


def _sizes(pa: Any, array: Any) -> Sequence[int] | None:
    """About how many bytes the value of each cell takes; ``None`` if all together take few."""
    if _weight(pa, array) <= MOST_CELL:
        return None
    if pa.types.is_dictionary(array.type):
        lengths = pa.compute.binary_length(array.dictionary).take(array.indices)
        return [length or 0 for length in lengths.to_pylist()]
    return [_weight(pa, array.slice(row, 1)) for row in range(len(array))]


def _weight(pa: Any, array: Any) -> int:
    """About how many bytes its values would take."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = pa.compute.binary_length(array.dictionary)
        return 8 * len(array) + (pa.compute.sum(lengths.take(array.indices)).as_py() or 0)
    if pa.types.is_map(kind):
        return _weight(pa, pa.ListArray.from_arrays(array.offsets, array.keys)) + _weight(
            pa, pa.ListArray.from_arrays(array.offsets, array.items)
        )
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return 8 * len(array) + _weight(pa, array.flatten())
    if pa.types.is_struct(kind):
        return 8 * len(array) + sum(_weight(pa, field) for field in array.flatten())
    return 8 * len(array)
