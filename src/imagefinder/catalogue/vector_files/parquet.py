"""Parquet format: one file, with the recipe in its schema metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.catalogue.vector_files.image_cell import IMAGE, image_cell, with_images
from imagefinder.catalogue.vector_files.layout import Layout, layout_of
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    INTEGERS,
    LONGEST_CELL,
    ImageVectors,
    Row,
    group_rows,
    to_cells,
)
from imagefinder.catalogue.vector_files.sidecar import parse_recipe
from imagefinder.errors import ExchangeError
from imagefinder.registry import recipes
from imagefinder.similarity import dtype
from imagefinder.types import Features, Recipe, Record

_GROUP = 4096  # rows in a row group, and in memory
_BATCH_BYTES = 2**26
_RECIPE = b"imagefinder.recipe"
_TEXTS = [name for name in COLUMNS if name not in INTEGERS]
_TOO_LONG = f"it has cells of more than {LONGEST_CELL >> 20} MB"


@dataclass(frozen=True)
class Parquet:
    """The columns of the CSV, and ``vector``: a list of fixed size, or null.

    With ``images``, also ``image``, as the library ``datasets`` has it.
    """

    path: Path
    images: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that ``write`` creates."""
        return (self.path,)

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the encoder, if it is recorded."""
        with self._open() as file:
            text = (file.schema_arrow.metadata or {}).get(_RECIPE)
            return None if text is None else parse_recipe(text.decode(), self.path.name)

    @property
    def layout(self) -> Layout:
        """Of its column of vectors."""
        arrow, _ = _libraries()
        with self._open() as file:
            schema = file.schema_arrow
            kind = schema.field("vector").type if "vector" in schema.names else arrow.null()
            if not arrow.types.is_fixed_size_list(kind):
                raise ValueError("it has no column 'vector' of lists of one length")
            number = kind.value_type.to_pandas_dtype()
            return layout_of(np.empty((0, kind.list_size), number), self.path.name)

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Create the file, which must not exist."""
        _, parquet = _libraries()
        schema = _schema(recipe)
        if self.images:
            schema = with_images(schema, recipe)
        with parquet.ParquetWriter(self.path, schema) as writer:
            for group in _groups(images, self.images):
                writer.write_batch(_group(group, schema, recipe))

    def read(self, recipe: Recipe) -> Iterator[ImageVectors]:
        """Every image. Raises ExchangeError for vectors that do not fit the recipe."""
        return group_rows(self._rows(recipe), recipe)

    def _rows(self, recipe: Recipe) -> Iterator[tuple[Row, Features | None]]:
        number = 0
        with self._open() as file:
            columns, texts = _columns(file.schema_arrow, recipe)
        with self._open(texts) as file:
            for group in range(file.num_row_groups):
                size = _batch_size(file.metadata.row_group(group))
                for batch in file.iter_batches(size, [group], columns):
                    for cells, vector in _lines(batch, recipe):
                        number += 1
                        where = f"{self.path.name}, row {number}"
                        yield Row(cells, where, self.path.parent), vector

    @contextmanager
    def _open(self, texts: list[str] | None = None) -> Iterator[Any]:
        """The file; of the columns ``texts``, one text for many rows stays one in memory."""
        arrow, parquet = _libraries()
        try:
            with (
                translate_errors(self.path.name),
                parquet.ParquetFile(self.path, read_dictionary=texts) as file,
            ):
                yield file
        except arrow.ArrowException as error:  # not all of them are ValueErrors
            raise ExchangeError(f"{self.path.name}: {one_line(error)}") from error


def _columns(schema: Any, recipe: Recipe) -> tuple[list[str], list[str]]:
    """The columns to read, and those of text. Raises ValueError for one of another type."""
    arrow, _ = _libraries()
    wanted = _schema(recipe).field("vector").type
    if "vector" not in schema.names or schema.field("vector").type != wanted:
        raise ValueError(f"it has no column 'vector' of type {wanted}")
    names = [name for name in COLUMNS if name in schema.names]
    texts = []
    for name in names:
        kind = schema.field(name).type
        kind = kind.value_type if arrow.types.is_dictionary(kind) else kind
        is_text = arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
        is_number = arrow.types.is_integer(kind) or arrow.types.is_floating(kind)
        if not (is_text or (is_number and name in INTEGERS) or arrow.types.is_null(kind)):
            raise ValueError(f"its column {name!r} is of type {kind}")
        texts += [name] if is_text else []
    return [*names, "vector"], texts


def _batch_size(group: Any) -> int:
    """How many rows to read at once, so that their texts fit in memory. Raises ValueError."""
    columns = [group.column(index) for index in range(group.num_columns)]
    size = sum(one.total_uncompressed_size for one in columns if one.path_in_schema in _TEXTS)
    mean = int(size // max(1, group.num_rows))
    if mean > LONGEST_CELL:
        raise ValueError(_TOO_LONG)
    return max(1, min(_GROUP, _BATCH_BYTES // max(1, mean)))


def _libraries() -> tuple[Any, Any]:
    return (
        optional_import("pyarrow", "parquet", "'.parquet'"),
        optional_import("pyarrow.parquet", "parquet", "'.parquet'"),
    )


def _schema(recipe: Recipe) -> Any:
    arrow, _ = _libraries()
    number = arrow.from_numpy_dtype(dtype(recipe.measure))
    columns = [(name, arrow.int64() if name in INTEGERS else arrow.string()) for name in COLUMNS]
    vector = ("vector", arrow.list_(number, recipe.dim))
    return arrow.schema([*columns, vector], metadata={_RECIPE: recipes.to_json(recipe)})


def _or_none(features: Features) -> Iterable[Features | None]:
    """The vectors, or a null for an image without any."""
    return features if len(features) else (None,)


def _groups(
    images: Iterable[tuple[Record, Features]], with_content: bool
) -> Iterator[list[tuple[Any, Features | None]]]:
    """Cells and vectors, as many as fit in memory; the image itself is in the first of its rows."""
    rows: list[tuple[Any, Features | None]] = []
    size = 0
    for record, features in images:
        content = image_cell(record) if with_content else None
        size += len(content["bytes"]) if content else 0
        for number, vector in enumerate(_or_none(features)):
            rows.append(({**to_cells(record), IMAGE: None if number else content}, vector))
            if len(rows) >= _GROUP or size >= _BATCH_BYTES:
                yield rows
                rows, size = [], 0
    if rows:
        yield rows


def _group(rows: list[tuple[Any, Features | None]], schema: Any, recipe: Recipe) -> Any:
    arrow, _ = _libraries()
    names = [name for name in schema.names if name != "vector"]
    columns = [
        arrow.array([cells[name] for cells, _ in rows], schema.field(name).type) for name in names
    ]
    blank = np.zeros(recipe.dim, dtype(recipe.measure))
    vectors = np.concatenate([blank if row is None else row for _, row in rows])
    missing = arrow.array([row is None for _, row in rows])
    lists = arrow.FixedSizeListArray.from_arrays(vectors, recipe.dim, mask=missing)
    columns.insert(schema.get_field_index("vector"), lists)
    return arrow.record_batch(columns, schema=schema)


def _lines(batch: Any, recipe: Recipe) -> Iterator[tuple[dict[str, Any], Features | None]]:
    """The cells and the vector of each row of a batch."""
    lists = batch.column("vector")
    numbers = lists.flatten()  # of those that are not null
    if numbers.null_count:
        raise ValueError("values are missing in its vectors")
    vectors = iter(numbers.to_numpy(zero_copy_only=False).reshape(-1, recipe.dim))
    names = [name for name in batch.schema.names if name != "vector"]
    columns = [_cells(batch.column(name)) for name in names]
    rows = zip(*columns, strict=True) if columns else repeat((), batch.num_rows)
    for cells, has_vector in zip(rows, lists.is_valid().to_pylist(), strict=True):
        yield dict(zip(names, cells, strict=True)), next(vectors) if has_vector else None


def _cells(column: Any) -> list[Any]:
    """The values of a column. Raises ValueError for texts that are too long."""
    arrow, _ = _libraries()
    if not arrow.types.is_dictionary(column.type):
        return list(column.to_pylist())
    compute = optional_import("pyarrow.compute", "parquet", "'.parquet'")
    texts = column.dictionary
    if (compute.max(compute.binary_length(texts)).as_py() or 0) > LONGEST_CELL:
        raise ValueError(_TOO_LONG)
    items = texts.to_pylist()
    return [None if index is None else items[index] for index in column.indices.to_pylist()]
