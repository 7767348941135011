"""Extended JSON, in which MongoDB's programs write documents: a few types more than JSON has."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

LONGEST_DOCUMENT: Final = 2**26
"""In characters: one document is in memory at a time."""

_PIECE = 2**16
_LARGEST_ARRAY = 2**26  # bytes
_NO_SPACE = re.compile(r"[^ \t\r\n]")


def object_id(digits: str) -> dict[str, str]:
    """An object id from up to 24 hexadecimal digits."""
    return {"$oid": digits.zfill(24)}


def packed_array(array: NDArray[Any]) -> dict[str, Any]:
    """An array as FiftyOne keeps it: the bytes of a .npy file, compressed."""
    with BytesIO() as file:
        np.save(file, array, allow_pickle=False)
        content = zlib.compress(file.getvalue())
    return {"$binary": {"base64": base64.b64encode(content).decode(), "subType": "00"}}


def unpacked_array(content: bytes) -> NDArray[Any]:
    """The array, without unpickling; allocates no more than is there. Raises ValueError."""
    try:
        data = zlib.decompressobj().decompress(content, _LARGEST_ARRAY)
        with BytesIO(data) as file:
            header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else None
            shape, by_column, kind = (header or npy.read_array_header_2_0)(file)
            numbers = np.frombuffer(data, kind, offset=file.tell())
            return numbers.reshape(shape, order="F" if by_column else "C")
    except Exception as error:  # NumPy may raise anything for a malicious header
        raise ValueError(f"its array is damaged: {error}") from error


def plain(value: Mapping[str, Any]) -> Any:
    """What an object stands for; to be used as ``object_hook``. Raises ValueError."""
    match value:
        case {"$binary": {"base64": str(text)}} | {"$binary": str(text)}:
            return base64.b64decode(text, validate=True)
        case {"$oid": str(text)}:
            return text
        case {"$numberLong": str(text)} | {"$numberInt": str(text)}:
            return int(text[:32])
        case {"$numberDouble": str(text)}:
            return float(text)
        case {"$date": moment}:
            return moment
        case _:
            return value


def read_document(path: Path) -> dict[str, Any]:
    """The document that a file is. Raises OSError and ValueError."""
    with path.open(encoding="utf-8") as file:
        text = file.read(LONGEST_DOCUMENT + 1)
    if len(text) > LONGEST_DOCUMENT:
        raise ValueError(f"it is longer than {LONGEST_DOCUMENT >> 20} million characters")
    found = json.loads(text, object_hook=plain)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def read_documents(path: Path, key: str) -> Iterator[dict[str, Any]]:
    """Those in the list that is the only member of a file's object. Raises OSError, ValueError."""
    with path.open(encoding="utf-8") as file:
        text = _Text(file)
        for expected in ("{", f'"{key}"', ":", "["):
            text.take(expected)
        if text.next() == "]":
            text.take("]")
            return
        while True:
            found = text.document()
            if not isinstance(found, dict):
                raise ValueError(f"{key!r} has something else than objects")
            yield found
            if text.next() == "]":
                return
            text.take(",")


class _Text:
    """The text of a file, of which only what is being read is in memory."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._decoder = json.JSONDecoder(object_hook=plain)
        self._text = ""
        self._at = 0

    def take(self, expected: str) -> None:
        """Go on behind this token. Raises ValueError if another one is next."""
        self.next()
        while len(self._text) - self._at < len(expected) and self._more():
            pass
        if not self._text.startswith(expected, self._at):
            found = self._text[self._at : self._at + 20]
            raise ValueError(f"expected {expected} instead of {found!r}")
        self._at += len(expected)

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        while (found := _NO_SPACE.search(self._text, self._at)) is None:
            self._at = len(self._text)
            if not self._more():
                return ""
        self._at = found.start()
        return found[0]

    def document(self) -> Any:
        """The next value."""
        self.next()
        while True:
            try:
                found, self._at = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
            else:
                return found

    def _more(self) -> bool:
        """Read on, as much again as is left, so that a long value is not parsed too often."""
        rest = self._text[self._at :]
        if len(rest) > LONGEST_DOCUMENT:
            raise ValueError(f"a value is longer than {LONGEST_DOCUMENT >> 20} million characters")
        piece = self._file.read(max(_PIECE, len(rest)))
        self._text, self._at = rest + piece, 0
        return bool(piece)
