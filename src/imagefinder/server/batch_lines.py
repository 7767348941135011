"""The lines of a batch, as pieces of its body come; none of them can fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line, which is not blank, or one too many."""

    number: int
    """From 1 on."""
    data: bytes | None
    """``None`` for one that is too long."""


class LineSplitter:
    """Puts lines together from the pieces of a body."""

    def __init__(self, most: int, most_lines: int) -> None:
        """``most`` bytes of a line; behind ``most_lines``, blank ones are told like the others."""
        self._most = most
        self._most_lines = most_lines
        self._begun = bytearray()
        self._is_too_long = False
        self.number = 1
        """Of the line that has begun."""

    def feed(self, piece: bytes) -> Iterator[Line]:
        """The lines that end in a piece of the body."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._extend(end)
            yield from self._ended()
        self._extend(rest)

    def finish(self) -> Iterator[Line]:
        """The last line, if nothing follows it."""
        if self._begun or self._is_too_long:
            yield from self._ended()

    def _extend(self, piece: bytes) -> None:
        self._begun += piece
        if len(self._begun) > self._most:
            self._is_too_long = True
            self._begun.clear()

    def _ended(self) -> Iterator[Line]:
        data, is_too_long, number = bytes(self._begun), self._is_too_long, self.number
        self._begun.clear()
        self._is_too_long = False
        self.number += 1
        if is_too_long or data.strip() or number > self._most_lines:
            yield Line(number, None if is_too_long else data)
