"""Bodies that a server compressed although it was asked not to."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from imagefinder.errors import AnswerRefused

_PIECE = 2**18  # bytes: a small chunk may hold gigabytes


def inflater(encoding: str) -> Callable[[bytes], Iterator[bytes]]:
    """What turns each chunk of a body into pieces of its content, none of them large.

    ``encoding`` is the header's value. Raises AnswerRefused for others than gzip and deflate, and
    the pieces raise it where the body is damaged.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _plain
    if name not in ("gzip", "x-gzip", "deflate"):
        raise AnswerRefused("encoding", f"it came in the encoding {name[:40]!r}")
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: told from its head

    def pieces(chunk: bytes) -> Iterator[bytes]:
        while chunk:
            try:
                piece = decoder.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise AnswerRefused("encoding", "its compression is damaged") from error
            chunk = decoder.unconsumed_tail
            yield piece

    return pieces


def _plain(chunk: bytes) -> Iterator[bytes]:
    yield chunk
