"""Small images of large ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import NamedTuple

import PIL.Image

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.errors import ImageError
from imagefinder.images.decode import decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Image, Progress, Record, Resize

_QUALITY = 80


class Thumbnail(NamedTuple):
    """A JPEG, and its pixels each way."""

    jpeg: bytes
    width: int
    height: int


def thumbnail(path: str, side: int, limits: Limits = LIMITS) -> Thumbnail:
    """Its longer side has at most so many pixels. Raises ImageError."""
    pixels = decode(path, Resize(side, side, "within"), limits).pixels
    height, width = pixels.shape[:2]
    with BytesIO() as file:
        PIL.Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
        return Thumbnail(file.getvalue(), width, height)


_AHEAD = 32


def thumbnails(
    records: Iterable[Record], resize: Resize, limits: Limits = LIMITS, progress: Progress = iter
) -> Iterator[Image | None]:
    """Each image in that size, from the first of its files that can be read; None if none can."""

    def small(record: Record) -> Image | None:
        for file in record.files:
            try:
                return decode(file.path, resize, limits).pixels
            except ImageError:
                continue
        return None

    with ThreadPoolExecutor(cores(), "thumbnail") as threads:
        yield from prefetch_map(threads, small, progress(records), _AHEAD)
