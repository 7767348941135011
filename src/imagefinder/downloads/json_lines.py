"""JSON and JSON Lines, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagefinder._utils.bounded_lines import BoundedLines, LineTooLong
from imagefinder.downloads.table_row import MOST_ROW, TableRow
from imagefinder.downloads.text_file import open_text

_MOST_DOCUMENT = 2**24  # characters: it is read as a whole


def json_rows(path: Path) -> Iterator[TableRow]:
    """The rows of a file with a JSON document in each line: an object, a URL or a list of either.

    A line that cannot be read is a row that says why. Raises OSError.
    """
    with open_text(path) as file:
        lines = BoundedLines(file, MOST_ROW)
        while True:
            try:
                line = next(lines.begin())
            except StopIteration:
                return
            except LineTooLong as error:
                yield TableRow({}, str(error))
                continue
            if line.strip():
                yield from _rows(line, lines.number)


def json_array_rows(path: Path) -> Iterator[TableRow]:
    """The rows of a file that is one JSON document. Raises ValueError and OSError."""
    with open_text(path) as file:
        text = file.read(_MOST_DOCUMENT + 1)
    if len(text) > _MOST_DOCUMENT:
        raise ValueError(
            f"it has more than {_MOST_DOCUMENT:,} characters, so write it as JSON Lines (.jsonl), "
            "with a row in each line"
        )
    yield from _rows(text, 1)


def _rows(line: str, number: int) -> Iterator[TableRow]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        yield TableRow({}, f"line {number} is not a JSON document of its own")
        return
    # all rows in one line, as some programs write them
    several = isinstance(found, list) and found and all(isinstance(one, dict) for one in found)
    for one in found if several else [found]:
        yield TableRow(one if isinstance(one, dict) else {"url": _url(one)})


def _url(found: Any) -> Any:
    return found if isinstance(found, str | list) else None
