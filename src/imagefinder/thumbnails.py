"""Small pictures of large ones."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import PIL.Image

from imagefinder.images import LIMITS, Limits, decode
from imagefinder.types import Fit

_QUALITY = 80


class Thumbnail(NamedTuple):
    """A JPEG, and its pixels each way."""

    jpeg: bytes
    width: int
    height: int


def thumbnail(path: str, side: int, limits: Limits = LIMITS) -> Thumbnail:
    """Its longer side has at most so many pixels. Raises ImageError."""
    pixels = decode(path, Fit(side, side, "within"), limits).pixels
    height, width = pixels.shape[:2]
    with BytesIO() as file:
        PIL.Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
        return Thumbnail(file.getvalue(), width, height)
