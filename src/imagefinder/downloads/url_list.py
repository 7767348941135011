"""URL lists: CSV, TSV, TXT, JSON, JSON Lines and Parquet files, read row by row."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from imagefinder._utils.text import one_line
from imagefinder.downloads.delimited import delimited_rows
from imagefinder.downloads.json_lines import json_array_rows, json_rows
from imagefinder.downloads.parquet_rows import parquet_rows
from imagefinder.downloads.table_row import Cells, TableRow
from imagefinder.downloads.url_column import url_column, urls_in
from imagefinder.errors import DownloadError
from imagefinder.images.inputs import absolute
from imagefinder.images.metadata import MAX_DEPTH, metadata_problem

_SAMPLE = 1000  # rows from which the column is detected
_HEAD = 64 * 1024  # bytes of a file that may be a list
_FIRST_LINES = 3  # such as ``sep=;``, names and the first row
# nothing but a URL between separators: prose may begin a line with one, too
_CELL_WITH_URL = re.compile(
    rb"""(^|[,;|\t"])\s*["']?https?://\S+[ ]*["']?($|[,;|\t"\]}])""", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True)
class ListRow:
    """One URL of a list, or a row without any."""

    row: int
    """Counted from 1, without the header."""
    url: str | None
    metadata: Cells
    """The other non-empty cells of the row, and this URL under the name of its column."""
    problem: str | None = None
    """Why the row cannot be used; its URL is ``None`` then."""


@dataclass(frozen=True)
class UrlList:
    """A list, and its column of URLs."""

    path: Path
    column: str

    def __iter__(self) -> Iterator[ListRow]:
        """Its URLs one by one, read from the file. Raises DownloadError."""
        for number, row in enumerate(_rows(self.path), 1):
            yield from _list_rows(number, row, self.column)


def is_list(path: str | os.PathLike[str]) -> bool:
    """Whether the path names a list, by its suffix.

    Files that end in ``.txt`` or ``.json`` are often something else: one must begin with a URL, or
    with a line of names and then a URL.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS or os.path.isdir(path):
        return False
    return suffix not in (".txt", ".json") or _begins_with_url(Path(path))


def _begins_with_url(path: Path) -> bool:
    try:
        with path.expanduser().open("rb") as file:
            start = file.read(_HEAD).replace(b"\0", b"")  # UTF-16 reads like ASCII without them
    except OSError:
        return True  # reading it says what is wrong
    lines = [line for line in start.splitlines() if line.strip() and not line.startswith(b"#")]
    return bool(_CELL_WITH_URL.search(b"\n".join(lines[:_FIRST_LINES])))


def count_urls(path: str | os.PathLike[str], column: str | None = None) -> int:
    """The number of URLs in a list, in a separate pass. Raises DownloadError."""
    return sum(1 for row in open_list(absolute(path), column) if row.url is not None)


def open_list(path: Path, column: str | None) -> UrlList:
    """A list with the given or the detected column. Raises DownloadError."""
    rows = list(islice(_rows(path), _SAMPLE))
    sample = [row.cells for row in rows if row.problem is None]
    problem = next((row.problem for row in rows if row.problem is not None), None)
    if not sample:
        raise DownloadError(
            f"{path.name} has no rows" + (f" that can be used: {problem}" if problem else "")
        )
    if column is None:
        try:
            return UrlList(path, url_column(sample, path.name))
        except DownloadError as error:
            raise DownloadError(f"{error}; {problem}" if problem else str(error)) from error
    known = dict.fromkeys(chain.from_iterable(sample))
    if column not in known:
        raise DownloadError(
            f"{path.name} has no column {column!r}; its columns: {', '.join(list(known)[:20])}"
        )
    return UrlList(path, column)


def _rows(path: Path) -> Iterator[TableRow]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DownloadError(
            f"{path.name}: the name of a list must end with one of {', '.join(sorted(_READERS))}"
        )
    with translate_errors(path):
        yield from reader(path)


_READERS: Mapping[str, Callable[[Path], Iterator[TableRow]]] = {
    ".csv": delimited_rows,
    ".tsv": partial(delimited_rows, delimiter="\t"),
    ".tab": partial(delimited_rows, delimiter="\t"),
    ".txt": delimited_rows,
    ".json": json_array_rows,
    ".jsonl": json_rows,
    ".ndjson": json_rows,
    ".parquet": parquet_rows,
}


def _list_rows(number: int, row: TableRow, column: str) -> Iterator[ListRow]:
    """The URLs of a row, or why it has none."""
    problem = row.problem or _nesting_problem(number, row.cells)
    if problem is None:
        urls: list[str | None] = [_text(url) for url in urls_in(row.cells.get(column))]
        others = _metadata(row.cells, column)
        too_much = metadata_problem(others)
        problem = too_much and f"row {number}: {too_much}"
    if problem is not None:
        yield ListRow(number, None, {}, problem)
        return
    for url in urls or [None]:
        yield ListRow(number, url, others if url is None else {**others, column: url})


def _nesting_problem(number: int, cells: Cells) -> str | None:
    if all(not isinstance(cell, dict | list) or _is_flat(cell) for cell in cells.values()):
        return None
    return f"row {number}: a cell is nested more than {MAX_DEPTH} levels deep"


def _is_flat(cell: Any, levels: int = MAX_DEPTH) -> bool:
    if not isinstance(cell, dict | list | tuple):
        return True
    inner = cell.values() if isinstance(cell, dict) else cell
    return levels > 0 and all(_is_flat(one, levels - 1) for one in inner)


def _metadata(cells: Cells, column: str) -> dict[str, Any]:
    """What JSON and a store can hold."""
    values = {_text(str(name)): _json_value(cell) for name, cell in cells.items() if name != column}
    return {name: cell for name, cell in values.items() if cell not in (None, "", [], {})}


def _json_value(cell: Any) -> Any:
    if isinstance(cell, str):
        return _text(cell.strip())
    if isinstance(cell, bytes | bytearray):
        return None
    if isinstance(cell, Mapping):
        return {_text(str(name)): _json_value(inner) for name, inner in cell.items()}
    if isinstance(cell, list | tuple):
        return [_json_value(inner) for inner in cell]
    if isinstance(cell, float):
        return cell if cell - cell == 0 else None  # neither infinite nor NaN
    return cell if cell is None or isinstance(cell, bool | int) else str(cell)


def _text(text: str) -> str:
    """Encodable as UTF-8: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Errors of reading a list as DownloadError."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{path}: {one_line(error)}") from error
    except (ValueError, csv.Error) as error:
        raise DownloadError(f"{path.name}: {one_line(error)}") from error
