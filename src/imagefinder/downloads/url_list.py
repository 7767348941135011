"""URL lists: CSV, TSV, TXT, JSON, JSON Lines and Parquet files, read row by row."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from imagefinder._utils.text import one_line
from imagefinder.downloads.dataset_tables import is_dataset
from imagefinder.downloads.delimited import delimited_rows
from imagefinder.downloads.embedded_images import EmbeddedImages, embedded_images, open_dataset
from imagefinder.downloads.json_lines import json_array_rows, json_rows
from imagefinder.downloads.list_row import ListRow, list_row, utf8
from imagefinder.downloads.parquet_rows import parquet_rows
from imagefinder.downloads.table_row import TableRow
from imagefinder.downloads.url_column import url_column, urls_in
from imagefinder.errors import DownloadError
from imagefinder.images.inputs import absolute

_SAMPLE = 1000  # rows from which the column is detected
_HEAD = 64 * 1024  # bytes of a file that may be a list
_FIRST_LINES = 3  # such as ``sep=;``, names and the first row
# nothing but a URL between separators: prose may begin a line with one, too
_CELL_WITH_URL = re.compile(
    rb"""(^|[,;|\t"])\s*["']?https?://\S+[ ]*["']?($|[,;|\t"\]}])""", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True)
class UrlList:
    """A list, and its column of URLs."""

    path: Path
    column: str

    def __iter__(self) -> Iterator[ListRow]:
        """Its URLs one by one, read from the file. Raises DownloadError."""
        for number, row in enumerate(_rows(self.path), 1):
            yield from _list_rows(number, row, self.column)

    def count(self) -> int:
        """The number of its URLs, in a separate pass. Raises DownloadError."""
        return sum(1 for row in self if row.url is not None)


def is_list(path: str | os.PathLike[str]) -> bool:
    """Whether the path names a list, by its suffix, or is a folder with a saved dataset.

    Files that end in ``.txt`` or ``.json`` are often something else: one must begin with a URL, or
    with a line of names and then a URL.
    """
    suffix = Path(path).suffix.lower()
    whole = os.path.expanduser(path)
    if suffix not in _READERS or os.path.isdir(whole):
        return os.path.isdir(whole) and is_dataset(whole)
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
    """The number of URLs in a list, or of images, in a separate pass. Raises DownloadError."""
    return open_list(absolute(path), column).count()


def open_list(path: Path, column: str | None) -> UrlList | EmbeddedImages:
    """A list or a dataset with the given or the detected column. Raises DownloadError.

    A dataset that has the images themselves is not asked for their URLs.
    """
    if path.is_dir():
        return open_dataset(path, column)
    if path.suffix.lower() == ".parquet":
        found = embedded_images(path, column)
        if found is not None:
            return found
    return _open_urls(path, column)


def _open_urls(path: Path, column: str | None) -> UrlList:
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
    others = TableRow(
        {name: cell for name, cell in row.cells.items() if name != column}, row.problem
    )
    shared = list_row(number, others, None)
    urls = () if shared.problem else map(utf8, urls_in(row.cells.get(column)))
    rows = [replace(shared, url=url, metadata={**shared.metadata, column: url}) for url in urls]
    yield from rows or [shared]


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Errors of reading a list as DownloadError."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{path}: {one_line(error)}") from error
    except (ValueError, csv.Error) as error:
        raise DownloadError(f"{path.name}: {one_line(error)}") from error
