"""One Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.vector_files.errors import told
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    WHOLE,
    ImageRow,
    Line,
    cells_of,
    images_of,
)
from imagefinder.catalogue.vector_files.sidecar import recipe_in
from imagefinder.errors import ExchangeError, MissingExtra
from imagefinder.registry import recipes
from imagefinder.similarity import dtype
from imagefinder.types import Features, Recipe, Record

_GROUP = 4096  # rows in a row group, and in memory
_RECIPE = b"imagefinder.recipe"


@dataclass(frozen=True)
class Parquet:
    """A table with the columns of the CSV, and ``vector``: a list of fixed size, or null.

    The recipe is in the schema's metadata.
    """

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """All that ``write`` makes."""
        return (self.path,)

    @property
    def recipe(self) -> Recipe | None:
        """How the vectors were made, if that is said."""
        with self._opened() as file:
            text = (file.schema_arrow.metadata or {}).get(_RECIPE)
            return None if text is None else recipe_in(text.decode(), self.path.name)

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Make the file, which must not be there."""
        _, parquet = _libraries()
        schema = _schema(recipe)
        rows = ((cells_of(record), row) for record, some in images for row in _or_none(some))
        with parquet.ParquetWriter(self.path, schema) as writer:
            for group in batched(rows, _GROUP):
                writer.write_batch(_group(group, schema, recipe))

    def read(self, recipe: Recipe) -> Iterator[ImageRow]:
        """Each image, if the vectors are of the recipe's kind. Raises ExchangeError."""
        return images_of(self._rows(recipe), recipe)

    def _rows(self, recipe: Recipe) -> Iterator[tuple[Line, Features | None]]:
        number = 0
        with self._opened() as file:
            names = file.schema_arrow.names
            wanted = _schema(recipe).field("vector").type
            if "vector" not in names or file.schema_arrow.field("vector").type != wanted:
                raise ValueError(f"it has no column 'vector' of the type {wanted}")
            columns = [name for name in (*COLUMNS, "vector") if name in names]
            for batch in file.iter_batches(_GROUP, columns=columns):
                for cells, vector in _lines(batch, recipe):
                    number += 1
                    yield Line(cells, f"{self.path.name}, row {number}", self.path.parent), vector

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        arrow, parquet = _libraries()
        try:
            with told(self.path.name), parquet.ParquetFile(self.path) as file:
                yield file
        except arrow.ArrowException as error:  # those that are no ValueError besides
            raise ExchangeError(f"{self.path.name}: {' '.join(str(error).split())}") from error


def _libraries() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("'.parquet' needs: pip install 'imagefinder[parquet]'") from error
    return pa, parquet


def _schema(recipe: Recipe) -> Any:
    arrow, _ = _libraries()
    number = arrow.from_numpy_dtype(dtype(recipe.measure))
    columns = [(name, arrow.int64() if name in WHOLE else arrow.string()) for name in COLUMNS]
    vector = ("vector", arrow.list_(number, recipe.dim))
    return arrow.schema([*columns, vector], metadata={_RECIPE: recipes.to_json(recipe)})


def _or_none(features: Features) -> Iterable[Features | None]:
    """The rows, or a null for an image that has none."""
    return features if len(features) else (None,)


def _group(rows: list[tuple[Any, Features | None]], schema: Any, recipe: Recipe) -> Any:
    arrow, _ = _libraries()
    columns = [
        arrow.array([cells[name] for cells, _ in rows], schema.field(name).type) for name in COLUMNS
    ]
    nothing = np.zeros(recipe.dim, dtype(recipe.measure))
    vectors = np.concatenate([nothing if row is None else row for _, row in rows])
    missing = arrow.array([row is None for _, row in rows])
    lists = arrow.FixedSizeListArray.from_arrays(vectors, recipe.dim, mask=missing)
    return arrow.record_batch([*columns, lists], schema=schema)


def _lines(batch: Any, recipe: Recipe) -> Iterator[tuple[dict[str, Any], Features | None]]:
    """The cells of each row of a batch, and its vector."""
    lists = batch.column("vector")
    numbers = lists.flatten()  # of those that are not null
    if numbers.null_count:
        raise ValueError("numbers are missing in its vectors")
    vectors = iter(numbers.to_numpy(zero_copy_only=False).reshape(-1, recipe.dim))
    for cells, there in zip(
        batch.drop_columns(["vector"]).to_pylist(), lists.is_valid().to_pylist(), strict=True
    ):
        yield cells, next(vectors) if there else None
