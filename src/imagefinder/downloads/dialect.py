"""Dialects of delimited text: what comes before the header, and what separates the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TypeAlias

from imagefinder.downloads.url_column import has_image_suffix, is_url

_DELIMITERS = ",;\t|"
_NEVER = "\x1f"
_SAMPLED_ROWS = 50
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # as Excel writes it
_URL = re.compile(r"https?://", re.IGNORECASE)
_HIDDEN_URL = re.compile(r"""[,;\t|]["']?https?://""", re.IGNORECASE)

Record: TypeAlias = list[str]


@dataclass(frozen=True)
class Dialect:
    """How to read a file of delimited text."""

    preamble: int
    """Lines to skip before the header: blank ones, comments, ``sep=;``."""
    delimiter: str | None
    """``None``: there is one column, so whatever is in a line is part of its URL."""
    has_header: bool
    shifted: frozenset[int]
    """Columns that hold the end of a URL only if it was cut at a delimiter."""

    def breaks_url(self, text: str) -> bool:
        """Whether the text of a record has more in a cell after the closing quote of a URL.

        The reader drops such a quote, and with what follows makes another address of it.
        """
        begin = rf"(?:\A|{re.escape(self.delimiter)})" if self.delimiter else r"\A"
        end = re.escape(self.delimiter or _DELIMITERS)
        quoted = r'"https?://(?:[^"\r\n]|"")*+"'
        broken = rf"{begin} *+{quoted}(?:(?![{end}])[ \t])*+[^{end}\r\n]"
        return bool(re.search(broken, text, re.IGNORECASE))

    def records(self, lines: Iterable[str]) -> Iterator[Record]:
        """The records of these lines. Raises csv.Error for a cell that is too long."""
        return _records(lines, self.delimiter)


def dialect_of(text: str, delimiter: str | None = None) -> Dialect:
    """The dialect of a file that begins with this text, perhaps with a known delimiter.

    Raises ValueError if it can be read in two ways.
    """
    lines = StringIO(text, newline="").readlines()
    preamble, declared = _preamble(lines)
    rest = "".join(lines[preamble:])
    given = declared or delimiter
    found = _Sample.of(rest, given) if given else _likeliest(rest)
    if found.has_header and found.rows and not any(cell.strip() for cell in found.rows[0][1:]):
        found = _Sample.of(rest, None)  # separators at the end of each line make no column
    shifted = found.columns_of_url_ends()
    if shifted and not found.has_header:
        raise _ambiguous()
    return Dialect(
        preamble,
        found.delimiter,
        found.has_header,
        frozenset(range(1, found.width)) - shifted if found.delimiter else frozenset(),
    )


def is_url_end(row: Record, column: int) -> bool:
    """Whether this cell looks like the end of a URL before it, cut at a delimiter."""
    if column >= len(row) or "/" not in row[column] or not has_image_suffix(row[column]):
        return False
    for cell in row[column::-1]:
        if _has_space(cell) or (cell is not row[column] and has_image_suffix(cell)):
            return False
        if is_url(cell):
            return cell is not row[column]
    return False


@dataclass(frozen=True)
class _Sample:
    """The first rows, read with one delimiter, or as one column."""

    delimiter: str | None
    rows: Sequence[Record]
    has_header: bool

    @classmethod
    def of(cls, text: str, delimiter: str | None) -> _Sample:
        rows = _sampled(text, delimiter)
        return cls(delimiter, rows, not any(any(map(is_url, row)) for row in rows[:1]))

    @property
    def body(self) -> Sequence[Record]:
        return self.rows[self.has_header :]

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    def share(self, fits: Sequence[bool]) -> float:
        return sum(fits) / len(fits) if fits else 0

    def separates(self) -> bool:
        """Whether there are several columns."""
        rows = [len(row) > 1 for row in self.body]
        return self.width > 1 and (not rows or 2 * sum(rows) >= len(rows))

    def consistency(self) -> float:
        """The share of the rows that are as wide as the first and begin each URL in a cell."""
        return self.share(
            [len(row) == self.width and not any(map(hides_url, row)) for row in self.body]
        )

    def is_one_column(self) -> float:
        """The share of the rows that may be one URL each."""
        return self.share([is_url(row[0]) and not _has_space(row[0]) for row in self.body])

    def columns_of_url_ends(self) -> frozenset[int]:
        """Columns that look like the end of the URL before them in most rows."""
        return frozenset(
            column
            for column in range(1, self.width)
            if self.share([is_url_end(row, column) for row in self.body]) > 0.5
        )


def _likeliest(text: str) -> _Sample:
    """Read with the delimiter that makes most sense. Raises ValueError if two do."""
    single = _Sample.of(text, None)
    several = [one for d in _DELIMITERS if (one := _Sample.of(text, d)).separates()]
    if not several:
        return single
    best = max(several, key=lambda one: (one.consistency(), one.width))
    if single.has_header or single.is_one_column() < best.consistency():
        return best
    if single.is_one_column() > best.consistency() or best.columns_of_url_ends():
        return single
    if any(_may_be_one(row) for row in best.body):
        raise _ambiguous()
    return best


def _may_be_one(row: Record) -> bool:
    """Whether the first two cells may be one URL with a delimiter in it."""
    url, following = row[0], row[1].strip()
    is_whole = has_image_suffix(url) and "?" not in url
    return bool(following) and not is_whole and not _has_space(following)


def _ambiguous() -> ValueError:
    return ValueError(
        "its lines may be URLs with commas in them, or several columns: give it a first line with "
        "the names of the columns (url, if there is only one), and quote URLs with commas"
    )


def _preamble(lines: Sequence[str]) -> tuple[int, str | None]:
    """How many lines come before the header, and the delimiter if they declare one."""
    for number, line in enumerate(lines):
        declared = _DECLARED.fullmatch(line)
        if declared:
            return number + 1, declared[1]
        if line.strip() and not _is_comment(line, lines[number + 1 : number + 2]):
            return number, None
    return 0, None


def _is_comment(line: str, following: Sequence[str]) -> bool:
    """A header may begin with # too: it has as many columns as the row of URLs below it."""
    if not line.startswith("#"):
        return False
    counts = [(line.count(one), row.count(one)) for row in following for one in _DELIMITERS]
    is_header = any(first and first == second for first, second in counts)
    return not (is_header and (not line.startswith("# ") or _URL.search(following[0])))


def hides_url(cell: str) -> bool:
    """Whether a URL begins within a cell that is neither a URL nor a list of them."""
    return bool(_HIDDEN_URL.search(cell)) and not (is_url(cell) or cell.startswith(("[", "{")))


def _has_space(text: str) -> bool:
    return bool(re.search(r"\s", text.strip()))


def _sampled(text: str, delimiter: str | None) -> list[Record]:
    rows: list[Record] = []
    try:
        for row in _records(StringIO(text, newline=""), delimiter):
            if any(row) and not (delimiter is None and row[0].startswith("#")):
                rows.append(row)
            if len(rows) > _SAMPLED_ROWS:
                break
    except csv.Error:
        pass  # a cell that is too long: the rows before it have to do
    return rows


def _records(lines: Iterable[str], delimiter: str | None) -> Iterator[Record]:
    return csv.reader(lines, delimiter=delimiter or _NEVER, skipinitialspace=True)
