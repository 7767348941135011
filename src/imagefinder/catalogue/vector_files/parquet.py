"""Parquet format: one file, with the recipe in its schema metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    INTEGERS,
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
_RECIPE = b"imagefinder.recipe"


@dataclass(frozen=True)
class Parquet:
    """The columns of the CSV, and ``vector``: a list of fixed size, or null."""

    path: Path

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

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Create the file, which must not exist."""
        _, parquet = _libraries()
        schema = _schema(recipe)
        rows = (
            (to_cells(record), row) for record, features in images for row in _or_none(features)
        )
        with parquet.ParquetWriter(self.path, schema) as writer:
            for group in batched(rows, _GROUP):
                writer.write_batch(_group(group, schema, recipe))

    def read(self, recipe: Recipe) -> Iterator[ImageVectors]:
        """Every image. Raises ExchangeError for vectors that do not fit the recipe."""
        return group_rows(self._rows(recipe), recipe)

    def _rows(self, recipe: Recipe) -> Iterator[tuple[Row, Features | None]]:
        number = 0
        with self._open() as file:
            names = file.schema_arrow.names
            wanted = _schema(recipe).field("vector").type
            if "vector" not in names or file.schema_arrow.field("vector").type != wanted:
                raise ValueError(f"it has no column 'vector' of type {wanted}")
            columns = [name for name in (*COLUMNS, "vector") if name in names]
            for batch in file.iter_batches(_GROUP, columns=columns):
                for cells, vector in _lines(batch, recipe):
                    number += 1
                    yield Row(cells, f"{self.path.name}, row {number}", self.path.parent), vector

    @contextmanager
    def _open(self) -> Iterator[Any]:
        arrow, parquet = _libraries()
        try:
            with translate_errors(self.path.name), parquet.ParquetFile(self.path) as file:
                yield file
        except arrow.ArrowException as error:  # not all of them are ValueErrors
            raise ExchangeError(f"{self.path.name}: {one_line(error)}") from error


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


def _group(rows: list[tuple[Any, Features | None]], schema: Any, recipe: Recipe) -> Any:
    arrow, _ = _libraries()
    columns = [
        arrow.array([cells[name] for cells, _ in rows], schema.field(name).type) for name in COLUMNS
    ]
    blank = np.zeros(recipe.dim, dtype(recipe.measure))
    vectors = np.concatenate([blank if row is None else row for _, row in rows])
    missing = arrow.array([row is None for _, row in rows])
    lists = arrow.FixedSizeListArray.from_arrays(vectors, recipe.dim, mask=missing)
    return arrow.record_batch([*columns, lists], schema=schema)


def _lines(batch: Any, recipe: Recipe) -> Iterator[tuple[dict[str, Any], Features | None]]:
    """The cells and the vector of each row of a batch."""
    lists = batch.column("vector")
    numbers = lists.flatten()  # of those that are not null
    if numbers.null_count:
        raise ValueError("values are missing in its vectors")
    vectors = iter(numbers.to_numpy(zero_copy_only=False).reshape(-1, recipe.dim))
    for cells, has_vector in zip(
        batch.drop_columns(["vector"]).to_pylist(), lists.is_valid().to_pylist(), strict=True
    ):
        yield cells, next(vectors) if has_vector else None
