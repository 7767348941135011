"""Text files of unknown encoding, as spreadsheets and shells write them."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_SAMPLE = 2**12
# UTF-32 before UTF-16: its mark begins as the other's does
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_FALLBACK = "imagefinder.windows"


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text file with its line ends as they are. Raises OSError.

    Bytes that are not UTF-8 are read as Windows-1252, in which spreadsheets save where they do not
    use Unicode.
    """
    with path.open("rb") as file:
        encoding = encoding_of(file.read(_SAMPLE))
    errors = _FALLBACK if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as text:
        yield text


def encoding_of(start: bytes) -> str:
    """By its byte order mark or, without one, by the zeros between the letters of UTF-16."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    even, odd = start[::2].count(0), start[1::2].count(0)
    if 4 * max(even, odd) > len(start) and 8 * min(even, odd) < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_FALLBACK, _as_windows)
