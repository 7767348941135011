"""Many thumbnails in one image, for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import PIL.Image

from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.thumbnails import thumbnails
from imagefinder.types import Progress, Record, Resize

WIDE = 4096
"""Pixels of a sheet's side at most: 16 million in all, which are some megabytes as WebP."""

_SIDES = (128, 96, 64, 48, 32)  # whole blocks of WebP, lest neighbours shine through
_QUALITY = 80


@dataclass(frozen=True)
class Sheet:
    """Thumbnails in rows of squares, each in the upper left corner of its own."""

    webp: bytes
    side: int
    """Pixels of a square."""
    columns: int
    sizes: tuple[tuple[int, int], ...]
    """Width and height of each thumbnail; 0 and 0 where an image could not be read."""


def sheet(records: Sequence[Record], limits: Limits = LIMITS, progress: Progress = iter) -> Sheet:
    """The thumbnails of up to 16,384 images, the larger the fewer there are."""
    side = next(side for side in _SIDES if (WIDE // side) ** 2 >= len(records))
    columns = max(1, min(WIDE // side, len(records)))
    rows = max(1, -(-len(records) // columns))
    paper = PIL.Image.new("RGB", (columns * side, rows * side))
    sizes: list[tuple[int, int]] = []
    resize = Resize(side, side, "within", filter="lanczos")
    for number, pixels in enumerate(thumbnails(records, resize, limits, progress)):
        if pixels is None:
            sizes.append((0, 0))
            continue
        row, column = divmod(number, columns)
        small = PIL.Image.fromarray(pixels)
        paper.paste(small, (column * side, row * side))
        sizes.append(small.size)
    with BytesIO() as file:
        paper.save(file, "WEBP", quality=_QUALITY)
        return Sheet(file.getvalue(), side, columns, tuple(sizes))
