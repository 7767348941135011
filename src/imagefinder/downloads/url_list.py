"""URL lists: CSV, TSV, JSON Lines and Parquet files, read row by row."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.downloads.url_column import is_url, url_column, urls_in
from imagefinder.errors import DownloadError
from imagefinder.images.inputs import absolute

_LONGEST = 2**24  # characters of a cell: an unterminated quote must not swallow the whole file
_SAMPLE = 1000  # rows from which the column is detected
_BATCH = 1000
_DELIMITERS = ",;\t"

Cells = Mapping[str, Any]


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
        for number, cells in enumerate(_rows(self.path), 1):
            urls: list[str | None] = [_text(url) for url in urls_in(cells.get(self.column))]
            others = _metadata(cells, self.column)
            for url in urls or [None]:
                yield ListRow(number, url, others if url is None else {**others, self.column: url})


def is_list(path: str | os.PathLike[str]) -> bool:
    """Whether the path names a list, by its suffix."""
    return Path(path).suffix.lower() in _READERS and not os.path.isdir(path)


def count_urls(path: str | os.PathLike[str], column: str | None = None) -> int:
    """The number of URLs in a list, in a separate pass. Raises DownloadError."""
    return sum(1 for row in open_list(absolute(path), column) if row.url is not None)


def open_list(path: Path, column: str | None) -> UrlList:
    """A list with the given or the detected column. Raises DownloadError."""
    sample = list(islice(_rows(path), _SAMPLE))
    if not sample:
        raise DownloadError(f"{path.name} has no rows")
    if column is None:
        return UrlList(path, url_column(sample, path.name))
    known = dict.fromkeys(chain.from_iterable(sample))
    if column not in known:
        raise DownloadError(
            f"{path.name} has no column {column!r}; its columns: {', '.join(list(known)[:20])}"
        )
    return UrlList(path, column)


def _rows(path: Path) -> Iterator[Cells]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DownloadError(
            f"{path.name}: the name of a list must end with one of {', '.join(sorted(_READERS))}"
        )
    with translate_errors(path):
        yield from reader(path)


def _csv(path: Path) -> Iterator[Cells]:
    csv.field_size_limit(_LONGEST)
    # bytes that are not UTF-8 cost a letter of some title, not the list
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        start = file.readline()
        file.seek(0)
        tabs = path.suffix.lower() in (".tsv", ".tab")
        rows: Iterator[list[str]] = csv.reader(
            file, delimiter="\t" if tabs else max(_DELIMITERS, key=start.count)
        )
        header = next(rows, [])
        if any(is_url(cell) for cell in header):  # there is no header
            rows = chain([header], rows)
            header = [f"column {number}" for number in range(1, len(header) + 1)]
        names = [name.strip() for name in header]
        yield from (dict(zip(names, row, strict=False)) for row in rows if row)


def _json_lines(path: Path) -> Iterator[Cells]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            if line.strip():
                yield _json_cells(line)


def _json_cells(line: str) -> Cells:
    """A line that is not JSON is a row without cells."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {"url": found}


def _parquet(path: Path) -> Iterator[Cells]:
    pa = optional_import("pyarrow", "parquet", "'.parquet'")
    parquet = optional_import("pyarrow.parquet", "parquet", "'.parquet'")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise DownloadError(f"{path.name}: {one_line(error)}") from error


_READERS = {
    ".csv": _csv,
    ".tsv": _csv,
    ".tab": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}


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
