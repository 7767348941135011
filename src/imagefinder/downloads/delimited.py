"""Delimited text: CSV, TSV and plain lists, row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from imagefinder._utils.bounded_lines import BoundedLines, LineTooLong
from imagefinder.downloads.dialect import Dialect, Record, dialect_of, hides_url, is_url_end
from imagefinder.downloads.table_row import MOST_CELL, MOST_ROW, TableRow, unique_names
from imagefinder.downloads.text_file import open_text

_SAMPLE = 2**18  # characters
_MOST_COLUMNS = 10_000
_QUOTE = "put cells with a separator in them, such as a URL with commas, in double quotes"


def delimited_rows(path: Path, delimiter: str | None = None) -> Iterator[TableRow]:
    """The rows of a text file; its dialect is detected, or only the delimiter is known.

    A row that cannot be read says why. Raises ValueError for a file without a readable header,
    OSError and csv.Error.
    """
    csv.field_size_limit(MOST_CELL)
    with open_text(path) as file:
        dialect = dialect_of(_whole_lines(file.read(_SAMPLE)), delimiter)
    with open_text(path) as file:
        lines = BoundedLines(file, MOST_ROW)
        for _ in range(dialect.preamble):
            next(lines.begin())
        records = _records(dialect, lines)
        first = next(records, None)
        if first is None:
            return
        if isinstance(first, str):
            raise ValueError(f"its header cannot be read: {first}")
        names = _names(first, dialect)
        if not dialect.has_header:
            yield _row(first, names, dialect, lines)
        for record in records:
            if isinstance(record, str):
                yield TableRow({}, record)
            else:
                yield _row(record, names, dialect, lines)


def _whole_lines(text: str) -> str:
    """Without a last line that may be cut."""
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text[: end + 1] if end >= 0 and len(text) == _SAMPLE else text


def _records(dialect: Dialect, lines: BoundedLines) -> Iterator[Record | str]:
    """The records that are not blank; for one that cannot be read, the reason."""
    reader = dialect.records(lines)
    while True:
        lines.begin()
        began = lines.number + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except LineTooLong as error:
            yield str(error)
            continue
        except csv.Error:
            yield f"line {began} has a cell of more than {MOST_CELL:,} characters: is a quote open?"
            continue
        if lines.at_end and lines.quotes % 2 and lines.number > began:
            yield f"line {began} opens a quote that is never closed, so the rest is not read"
        elif record and not (dialect.delimiter is None and _is_remark(lines.lines[0])):
            yield record


def _names(first: Record, dialect: Dialect) -> list[str]:
    """The names of the columns, each once. Raises ValueError for too many."""
    if len(first) > _MOST_COLUMNS:
        raise ValueError(f"it has {len(first):,} columns, but may have {_MOST_COLUMNS:,}")
    if not dialect.has_header:
        return [f"column {number}" for number in range(1, len(first) + 1)]
    if dialect.delimiter is None:
        return unique_names(map(_without_empty_cells, first))
    while not first[-1].strip():  # separators at the end of each line
        del first[-1]
    return unique_names(first)


def _row(record: Record, names: Sequence[str], dialect: Dialect, lines: BoundedLines) -> TableRow:
    problem = _problem(record, names, dialect, lines)
    if problem:
        return TableRow({}, f"line {lines.number} {problem}")
    if dialect.delimiter is None:
        record = [_without_empty_cells(record[0])]
    return TableRow(dict(zip(names, record, strict=False)))


def _problem(
    record: Record, names: Sequence[str], dialect: Dialect, lines: BoundedLines
) -> str | None:
    if dialect.breaks_url("".join(lines.lines)):
        return "has text after the closing quote of a URL: write a quote inside quotes twice"
    if dialect.delimiter is None:
        return _problem_of_one(lines.lines[0])
    if any(cell.strip() for cell in islice(record, len(names), None)):
        return f"has {len(record)} cells, but there are {len(names)} columns: {_QUOTE}"
    if any(hides_url(cell) and re.search(r"[\r\n]", cell) for cell in record):
        return "ends a cell that began lines before, with a URL in it: a quote was not closed there"
    if any(is_url_end(record, column) for column in dialect.shifted):
        return f"seems to have a URL with a separator in it: {_QUOTE}"
    return None


def _problem_of_one(line: str) -> str | None:
    """Something after a URL in quotes is another column."""
    if not line.lstrip().startswith('"'):
        return None
    cells = next(csv.reader([line], skipinitialspace=True), [])
    several = any(cell.strip() for cell in cells[1:])
    return "has several cells, but there is one column" if several else None


def _without_empty_cells(line: str) -> str:
    """Without the separators of columns that a spreadsheet left empty."""
    return line.rstrip().rstrip(",;\t|")


def _is_remark(line: str) -> bool:
    """Whether a line of a plain list is blank or a comment."""
    return not line.strip() or line.startswith("#")
