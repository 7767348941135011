"""One matrix in NumPy's format, with a table beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.lib import format as npy

from imagefinder.catalogue.vector_files.csv_table import lines_of, written_table
from imagefinder.catalogue.vector_files.errors import told
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    ImageRow,
    Line,
    cells_of,
    check_kind,
    images_of,
)
from imagefinder.catalogue.vector_files.sidecar import read_recipe, write_recipe
from imagefinder.errors import ExchangeError
from imagefinder.similarity import dtype
from imagefinder.types import Features, Recipe, Record


@dataclass(frozen=True)
class Matrix:
    """``NAME.npy`` holds the rows, ``NAME.csv`` a line for each, ``NAME.json`` the recipe.

    The column ``row`` counts the rows; it is empty in the line of an image that has none.
    """

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """All that ``write`` makes."""
        return self._table, self._recipe, self.path

    @property
    def recipe(self) -> Recipe | None:
        """How the vectors were made, if that is said."""
        return read_recipe(self._recipe)

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Make the files, which must not be there."""
        with (
            written_table(self._table, (*COLUMNS, "row")) as table,
            _Growing(self.path, recipe) as matrix,
        ):
            for record, features in images:
                cells = cells_of(record)
                rows = range(matrix.rows, matrix.rows + len(features))
                table.writerows({**cells, "row": row} for row in rows or ("",))
                matrix.append(features)
        write_recipe(self._recipe, recipe)

    def read(self, recipe: Recipe) -> Iterator[ImageRow]:
        """Each image, if the vectors are of the recipe's kind. Raises ExchangeError."""
        matrix = mapped(self.path)
        check_kind(matrix, recipe, self.path.name)
        return images_of(self._rows(matrix), recipe)

    def _rows(self, matrix: Features) -> Iterator[tuple[Line, Features | None]]:
        row = 0
        for line in lines_of(self._table):
            told_row = line.cells.get("row", str(row))
            if told_row == "":
                yield line, None
                continue
            if told_row != str(row):
                raise ExchangeError(f"{line.where}: the lines are not in the order of the rows")
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


class _Growing:
    """A matrix in a file, to which rows are appended; its head is right once it is closed."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.rows = 0
        self._dim = recipe.dim
        self._kind = np.dtype(dtype(recipe.measure))
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        self._write_head()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            self._file.seek(0)
            self._write_head()

    def append(self, features: Features) -> None:
        self._file.write(np.ascontiguousarray(features).tobytes())
        self.rows += len(features)

    def _write_head(self) -> None:
        # NumPy leaves room in it, so that it is as long for any number of rows
        about = {
            "descr": npy.dtype_to_descr(self._kind),
            "fortran_order": False,
            "shape": (self.rows, self._dim),
        }
        npy.write_array_header_1_0(self._file, about)


def mapped(path: Path) -> Features:
    """What a file holds; only what is looked at is read. Raises ExchangeError.

    A head that lies about the size cannot make us ask for memory, and nothing is unpickled.
    """
    with told(path.name):
        try:
            return np.asarray(npy.open_memmap(path, mode="r"))
        except (OSError, ValueError):
            raise
        except Exception as error:  # whatever else NumPy raises over a hostile head is its fault
            raise ValueError(f"damaged: {error}") from error
