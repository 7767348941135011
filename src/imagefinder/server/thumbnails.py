"""Small pictures of large ones."""

from __future__ import annotations

from io import BytesIO

import PIL.Image

from imagefinder.images import Limits, decode
from imagefinder.types import Fit

_QUALITY = 80


def thumbnail(path: str, side: int, limits: Limits) -> bytes:
    """A JPEG whose longer side has at most so many pixels. Raises ImageError."""
    pixels = decode(path, Fit(side, side, "within"), limits).pixels
    with BytesIO() as file:
        PIL.Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
        return file.getvalue()
