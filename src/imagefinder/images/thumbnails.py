"""Thumbnails: small versions of images, as JPEG or as pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import NamedTuple

import PIL.Image

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.images.decode import Source, decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.stored_files import first_readable
from imagefinder.types import Image, Progress, Record, Resize

_QUALITY = 80
_AHEAD = 32


class Thumbnail(NamedTuple):
    """A JPEG file, and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


def thumbnail(image: Source, side: int, limits: Limits = LIMITS) -> Thumbnail:
    """A thumbnail whose longer side has at most ``side`` pixels. Raises ImageError."""
    pixels = decode(image, Resize(side, side, "within"), limits.for_stored).pixels
    height, width = pixels.shape[:2]
    with BytesIO() as file:
        PIL.Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
        return Thumbnail(file.getvalue(), width, height)


def thumbnails(
    records: Iterable[Record], resize: Resize, limits: Limits = LIMITS, progress: Progress = iter
) -> Iterator[Image | None]:
    """Each stored image at that size, in order; None where none of its files can be read."""

    def resized(image: Source) -> Image:
        return decode(image, resize, limits.for_stored).pixels

    def small(record: Record) -> Image | None:
        return first_readable(record, resized)

    with ThreadPoolExecutor(cores(), "thumbnail") as threads:
        yield from prefetch_map(threads, small, progress(records), _AHEAD)
