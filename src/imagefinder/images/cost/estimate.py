"""Which format, and what it costs to decode it."""

from __future__ import annotations

import struct

from imagefinder.images.cost.bmp import bmp_cost
from imagefinder.images.cost.cost import Cost
from imagefinder.images.cost.gif import gif_cost
from imagefinder.images.cost.heif import avif_cost, heic_cost
from imagefinder.images.cost.jpeg import jpeg_cost
from imagefinder.images.cost.png import png_cost
from imagefinder.images.cost.tiff import tiff_cost
from imagefinder.images.cost.webp import webp_cost

_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_TIFF = (b"II*\0", b"II\0*", b"II+\0", b"MM\0*", b"MM*\0", b"MM\0+")


def estimate(data: bytes, needed: int | None = None) -> Cost:
    """What decoding takes at most; nothing for what is not an image.

    ``needed`` is the size that the reduced decode of a JPEG must not fall below. It takes a
    millisecond or two, and for no file more than a fraction of a second.
    """
    try:
        cost = _estimate(data, needed)
    except (struct.error, IndexError):  # the header is cut short: so it will be for the decoder
        return Cost()
    return cost.plus(memory=len(data)) if cost.memory else cost  # Pillow copies the file


def _estimate(data: bytes, needed: int | None) -> Cost:
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg_cost(data, needed)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return png_cost(data)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return gif_cost(data)
    if data[8:12] == b"WEBP":
        return webp_cost(data)
    if data.startswith(_TIFF):
        return tiff_cost(data)
    if data[4:8] == b"ftyp":
        return avif_cost(data) if data[8:12] in (b"avif", b"avis") else heic_cost(data)
    if data.startswith(b"BM") or int.from_bytes(data[:4], "little") in _BITMAP_HEADERS:
        return bmp_cost(data)
    return Cost()
