"""Lines of a text file, none of which can fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self, TextIO

_PIECE = 2**16


class LineTooLong(ValueError):
    """A record is longer than it may be; what is left of its line is skipped."""


class BoundedLines(Iterator[str]):
    """The lines of a file, of which a record may take several, as a quoted CSV cell does."""

    def __init__(self, file: TextIO, most: int) -> None:
        """``most`` characters for each record; the reader calls ``begin`` before each."""
        self._file = file
        self._most = self._left = most
        self.number = 0
        """Of the last line, counted from 1."""
        self.lines: list[str] = []
        """Those of the record so far."""
        self.quotes = 0
        """How many the record has so far."""
        self.at_end = False

    def begin(self) -> Self:
        """A new record may have the full length."""
        self._left = self._most
        self.lines.clear()
        self.quotes = 0
        return self

    def __next__(self) -> str:
        """The next line. Raises LineTooLong; the line after it can be read then."""
        line = self._file.readline(self._left + 1)
        if not line:
            self.at_end = True
            raise StopIteration
        self.number += 1
        if len(line) > self._left:
            self._skip(line)
            raise LineTooLong(f"line {self.number} is longer than {self._most:,} characters")
        self._left -= len(line)
        self.lines.append(line)
        self.quotes += line.count('"')
        return line

    def _skip(self, piece: str) -> None:
        while piece and not piece.endswith(("\n", "\r")):
            piece = self._file.readline(_PIECE)
