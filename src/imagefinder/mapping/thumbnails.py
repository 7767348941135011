"""Small pictures of many files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from imagefinder.errors import ImageError
from imagefinder.images import LIMITS, Limits, decode
from imagefinder.pipeline import cores, overlapped
from imagefinder.types import Fit, Image, Record

Progress: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]

_AHEAD = 32


def thumbnails(
    records: Iterable[Record], fit: Fit, limits: Limits = LIMITS, progress: Progress = iter
) -> Iterator[Image | None]:
    """Each picture in that size, from the first of its files that can be read; None if none can."""

    def small(record: Record) -> Image | None:
        for file in record.files:
            try:
                return decode(file.path, fit, limits).pixels
            except ImageError:
                continue
        return None

    with ThreadPoolExecutor(cores(), "thumbnail") as threads:
        yield from overlapped(threads, small, progress(records), _AHEAD)
