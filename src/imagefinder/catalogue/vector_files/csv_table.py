"""CSV tables of images: UTF-8, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.catalogue.vector_files.row import LONGEST_CELL, Row


@contextmanager
def table_writer(path: Path, columns: Iterable[str]) -> Iterator[csv.DictWriter[str]]:
    """A writer of a new file, header included."""
    with path.open("w", encoding="utf-8", newline="") as file:
        # all text is quoted: the module would leave a lone carriage return unquoted
        writer = csv.DictWriter(
            file, list(columns), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )
        writer.writeheader()
        yield writer


def read_rows(path: Path) -> Iterator[Row]:
    """Its rows. Raises ExchangeError unless it is a table of images."""
    csv.field_size_limit(LONGEST_CELL)
    with translate_errors(path.name), path.open(encoding="utf-8-sig", newline="") as file:
        reader: csv.DictReader[str] = csv.DictReader(file, strict=True)
        if "path" not in (reader.fieldnames or ()):
            raise ValueError("it has no column 'path'")
        for cells in reader:
            where = f"{path.name}, line {reader.line_num}"
            _check_width(cells, where)
            yield Row(cells, where, path.parent)


def _check_width(cells: dict[Any, Any], where: str) -> None:
    with translate_errors(where):
        if None in cells or None in cells.values():
            raise ValueError("it has more or fewer cells than the first line")
