"""NumPy format: one .npy matrix, with a CSV table and the recipe beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.lib import format as npy

from imagefinder.catalogue.vector_files.csv_table import read_rows, table_writer
from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.catalogue.vector_files.layout import Layout, layout_of
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    ImageVectors,
    Row,
    check_vectors,
    group_rows,
    to_cells,
)
from imagefinder.catalogue.vector_files.sidecar import read_recipe, write_recipe
from imagefinder.errors import ExchangeError
from imagefinder.similarity import dtype
from imagefinder.types import Features, Recipe, Record


@dataclass(frozen=True)
class NpyFile:
    """``NAME.npy`` contains the vectors, ``NAME.csv`` a row for each, ``NAME.json`` the recipe.

    The column ``row`` is the index in the matrix; it is empty for an image without vectors.
    """

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that ``write`` creates."""
        return self._table, self._recipe, self.path

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the encoder, if it is recorded."""
        return read_recipe(self._recipe)

    @property
    def layout(self) -> Layout:
        """Of the matrix."""
        return layout_of(open_npy(self.path), self.path.name)

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Create the files, which must not exist."""
        with (
            table_writer(self._table, (*COLUMNS, "row")) as table,
            _NpyWriter(self.path, recipe) as matrix,
        ):
            for record, features in images:
                cells = to_cells(record)
                rows = range(matrix.rows, matrix.rows + len(features))
                table.writerows({**cells, "row": row} for row in rows or ("",))
                matrix.append(features)
        write_recipe(self._recipe, recipe)

    def read(self, recipe: Recipe) -> Iterator[ImageVectors]:
        """Every image. Raises ExchangeError for vectors that do not fit the recipe."""
        matrix = open_npy(self.path)
        check_vectors(matrix, recipe, self.path.name)
        return group_rows(self._rows(matrix), recipe)

    def _rows(self, matrix: Features) -> Iterator[tuple[Row, Features | None]]:
        row = 0
        for line in read_rows(self._table):
            position = line.cells.get("row", str(row))
            if position == "":
                yield line, None
                continue
            if position != str(row):
                raise ExchangeError(f"{line.where}: the lines are not in the order of the matrix")
            if row < len(matrix):
                yield line, matrix[row]
            row += 1
        if row != len(matrix):
            raise ExchangeError(
                f"{self._table.name} has lines for {row} rows, {self.path.name} has {len(matrix)}"
            )

    @property
    def _table(self) -> Path:
        return self.path.with_suffix(".csv")

    @property
    def _recipe(self) -> Path:
        return self.path.with_suffix(".json")


class _NpyWriter:
    """Appends rows to a .npy file; its header is complete once it is closed."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.rows = 0
        self._dim = recipe.dim
        self._kind = np.dtype(dtype(recipe.measure))
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        self._write_header()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()

    def append(self, features: Features) -> None:
        self._file.write(np.ascontiguousarray(features).tobytes())
        self.rows += len(features)

    def _write_header(self) -> None:
        # NumPy pads the header, so that its length does not depend on the number of rows
        about = {
            "descr": npy.dtype_to_descr(self._kind),
            "fortran_order": False,
            "shape": (self.rows, self._dim),
        }
        npy.write_array_header_1_0(self._file, about)


def open_npy(path: Path) -> Features:
    """The array of a file, memory-mapped. Raises ExchangeError.

    A header with a false size allocates no memory, and nothing is unpickled.
    """
    with translate_errors(path.name):
        try:
            return np.asarray(npy.open_memmap(path, mode="r"))
        except (OSError, ValueError):
            raise
        except Exception as error:  # NumPy may raise anything for a malicious header
            raise ValueError(f"damaged: {error}") from error
