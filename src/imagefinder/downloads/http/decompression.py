"""Content-Encoding: streaming decompression in small pieces, safe from decompression bombs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from imagefinder.errors import ResponseRefused

_PIECE = 2**18  # bytes: a small chunk may expand to gigabytes


def inflater(encoding: str) -> Callable[[bytes], Iterator[bytes]]:
    """A function from each chunk of a body to pieces of its content, none of them large.

    ``encoding`` is the value of the header. Raises ResponseRefused for anything but gzip and
    deflate; so does the function for a damaged body.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _plain
    if name not in ("gzip", "x-gzip", "deflate"):
        raise ResponseRefused("encoding", f"unsupported Content-Encoding {name[:40]!r}")
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: detected from its header

    def pieces(chunk: bytes) -> Iterator[bytes]:
        while chunk:
            try:
                piece = decoder.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise ResponseRefused("encoding", "the compressed body is damaged") from error
            chunk = decoder.unconsumed_tail
            yield piece

    return pieces


def _plain(chunk: bytes) -> Iterator[bytes]:
    yield chunk
