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
    """A JPEG file, its size in pixels, and that of the original, upright."""

    jpeg: bytes
    width: int
    height: int
    original: tuple[int, int]


def thumbnail(image: Source, side: int, limits: Limits = LIMITS) -> Thumbnail:
    """A thumbnail whose longer side has at most ``side`` pixels. Raises ImageError."""
    return thumbnail_of_upload(image, side, limits.for_stored)


def thumbnail_of_upload(image: Source, side: int, limits: Limits) -> Thumbnail:
    """The same, within the limits of what is not stored. Raises ImageError."""
    decoded = decode(image, Resize(side, side, "within"), limits)
    height, width = decoded.pixels.shape[:2]
    with BytesIO() as file:
        PIL.Image.fromarray(decoded.pixels).save(file, "JPEG", quality=_QUALITY)
        return Thumbnail(file.getvalue(), width, height, (decoded.width, decoded.height))


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
