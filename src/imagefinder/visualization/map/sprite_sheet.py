"""Sprite sheet: many thumbnails in one image, for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import PIL.Image

from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.thumbnails import thumbnails
from imagefinder.types import Progress, Record, Resize

_WIDTH = 4096  # pixels each way at most: 16 million in all, which are some megabytes as WebP
_SIDES = (
    128,
    96,
    64,
    48,
    32,
)  # whole blocks of WebP, so that neighbors do not bleed into each other
_QUALITY = 80


@dataclass(frozen=True)
class SpriteSheet:
    """Thumbnails in rows of squares, each in the upper left corner of its square."""

    webp: bytes
    side: int
    """Pixels of a square."""
    columns: int
    sizes: tuple[tuple[int, int], ...]
    """Width and height of each thumbnail; 0 and 0 where an image could not be read."""


def make_sprite_sheet(
    records: Sequence[Record], limits: Limits = LIMITS, progress: Progress = iter
) -> SpriteSheet:
    """The thumbnails of up to 16,384 images, the larger the fewer there are."""
    side = next(side for side in _SIDES if (_WIDTH // side) ** 2 >= len(records))
    columns = max(1, min(_WIDTH // side, len(records)))
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
        return SpriteSheet(file.getvalue(), side, columns, tuple(sizes))
