"""Lists of images as they are met: CSV, TSV, JSON lines and Parquet, read row by row."""

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

from imagefinder.downloads.url_column import is_url, url_column, urls_in
from imagefinder.errors import DownloadError, MissingExtra
from imagefinder.images.inputs import absolute

_LONGEST = 2**24  # characters of a cell; a quote that never ends must not eat the whole file
_SAMPLE = 1000  # rows that the column is told from
_BATCH = 1000
_DELIMITERS = ",;\t"

Cells = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """One URL of a list, or a row that has none."""

    row: int
    """Counted from 1, without the head."""
    url: str | None
    metadata: Cells
    """The other cells of the row that are not empty, and this URL under its column's name."""


@dataclass(frozen=True)
class UrlList:
    """A list, and the column of it that holds the URLs."""

    path: Path
    column: str

    def __iter__(self) -> Iterator[Wanted]:
        """One by one, from the file. Raises DownloadError."""
        for number, cells in enumerate(_rows(self.path), 1):
            urls: list[str | None] = [_text(url) for url in urls_in(cells.get(self.column))]
            others = _metadata(cells, self.column)
            for url in urls or [None]:
                yield Wanted(number, url, others if url is None else {**others, self.column: url})


def is_list(path: str | os.PathLike[str]) -> bool:
    """Whether the name is that of a list."""
    return Path(path).suffix.lower() in _READERS and not os.path.isdir(path)


def count_urls(path: str | os.PathLike[str], column: str | None = None) -> int:
    """How many URLs a list has, in a pass of its own. Raises DownloadError."""
    return sum(1 for wanted in opened(absolute(path), column) if wanted.url is not None)


def opened(path: Path, column: str | None) -> UrlList:
    """A list with the column named, or found by itself. Raises DownloadError."""
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
            f"{path.name}: a list's name ends with one of {', '.join(sorted(_READERS))}"
        )
    with _told(path):
        yield from reader(path)


def _csv(path: Path) -> Iterator[Cells]:
    csv.field_size_limit(_LONGEST)
    # a byte that is no UTF-8 costs a letter of some title, not the list
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        start = file.readline()
        file.seek(0)
        tabs = path.suffix.lower() in (".tsv", ".tab")
        rows: Iterator[list[str]] = csv.reader(
            file, delimiter="\t" if tabs else max(_DELIMITERS, key=start.count)
        )
        head = next(rows, [])
        if any(is_url(cell) for cell in head):  # it has none
            rows = chain([head], rows)
            head = [f"column {number}" for number in range(1, len(head) + 1)]
        names = [name.strip() for name in head]
        yield from (dict(zip(names, row, strict=False)) for row in rows if row)


def _json_lines(path: Path) -> Iterator[Cells]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            if line.strip():
                yield _json_cells(line)


def _json_cells(line: str) -> Cells:
    """A line that cannot be read is a row without cells."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {"url": found}


def _parquet(path: Path) -> Iterator[Cells]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("'.parquet' needs: pip install 'imagefinder[parquet]'") from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise DownloadError(f"{path.name}: {' '.join(str(error).split())}") from error


_READERS = {
    ".csv": _csv,
    ".tsv": _csv,
    ".tab": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}


def _metadata(cells: Cells, column: str) -> dict[str, Any]:
    """As JSON and a store can hold it."""
    kept = {_text(str(name)): _plain(cell) for name, cell in cells.items() if name != column}
    return {name: cell for name, cell in kept.items() if cell not in (None, "", [], {})}


def _plain(cell: Any) -> Any:
    if isinstance(cell, str):
        return _text(cell.strip())
    if isinstance(cell, bytes | bytearray):
        return None
    if isinstance(cell, Mapping):
        return {_text(str(name)): _plain(inner) for name, inner in cell.items()}
    if isinstance(cell, list | tuple):
        return [_plain(inner) for inner in cell]
    if isinstance(cell, float):
        return cell if cell - cell == 0 else None  # neither infinite nor no number
    return cell if cell is None or isinstance(cell, bool | int) else str(cell)


def _text(text: str) -> str:
    """As UTF-8 can write it: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{path}: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise DownloadError(f"{path.name}: {' '.join(str(error).split())}") from error
