"""Tables of images as CSV: UTF-8, a head with the columns' names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagefinder.catalogue.vector_files.errors import told
from imagefinder.catalogue.vector_files.row import Line

_LONGEST = 2**24  # characters of a cell; a quote that never ends must not eat the whole file


@contextmanager
def written_table(path: Path, columns: Iterable[str]) -> Iterator[csv.DictWriter[str]]:
    """A new file to write lines to."""
    with path.open("w", encoding="utf-8", newline="") as file:
        # all text is quoted: by itself the module leaves a lone carriage return bare
        writer = csv.DictWriter(
            file, list(columns), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )
        writer.writeheader()
        yield writer


def lines_of(path: Path) -> Iterator[Line]:
    """One by one. Raises ExchangeError for what is no table of images."""
    csv.field_size_limit(_LONGEST)
    with told(path.name), path.open(encoding="utf-8-sig", newline="") as file:
        reader: csv.DictReader[str] = csv.DictReader(file, strict=True)
        if "path" not in (reader.fieldnames or ()):
            raise ValueError("it has no column 'path'")
        for cells in reader:
            where = f"{path.name}, line {reader.line_num}"
            _check_width(cells, where)
            yield Line(cells, where, path.parent)


def _check_width(cells: dict[Any, Any], where: str) -> None:
    with told(where):
        if None in cells or None in cells.values():
            raise ValueError("it has more or fewer cells than the first line")
