"""Pixel cache: each image is decoded once, small, into a memory-mapped .npy file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder._utils.disk_space import reserve
from imagefinder.errors import ImageError
from imagefinder.images.decode import decode
from imagefinder.training.progress import OnProgress, ProgressEvent
from imagefinder.types import Failure, Image, Resize

_MOST = 8 * 2**30  # bytes of decoded images
_SPARE = 2  # times as much must be free


class PixelCache(Protocol):
    """Decoded images by index, all of one square size."""

    def __getitem__(self, index: int) -> Image:
        """Shape (side, side, 3)."""


@dataclass(frozen=True)
class Uncached:
    """Decodes an image each time, where a cache would take too much of the disk."""

    paths: Sequence[str]
    side: int

    def __getitem__(self, index: int) -> Image:
        """Raises ImageError."""
        return _decoded(self.paths[index], self.side)


def cache_pixels(
    paths: Sequence[str], side: int, folder: Path, on_progress: OnProgress
) -> tuple[PixelCache, tuple[Failure, ...]]:
    """The images, and those that cannot be decoded; reused if ``folder`` has a complete cache."""
    file, failures = folder / "images.npy", folder / "images.json"
    size = len(paths) * side * side * 3
    cached = file.exists() or size <= min(_MOST, shutil.disk_usage(folder).free // _SPARE)
    if not failures.exists():
        failed: list[tuple[str, str]] = []
        images = _decode_all(paths, side, failed, on_progress)
        if cached:
            write_images(file, images, len(paths), side)
        else:
            for _ in images:
                pass
        with atomic_write(failures) as unfinished:
            unfinished.write_text(json.dumps(failed), encoding="utf-8")
    reasons = tuple(Failure(path, why) for path, why in json.loads(failures.read_text("utf-8")))
    return np.load(file, mmap_mode="r") if cached else Uncached(paths, side), reasons


def write_images(file: Path, images: Iterable[Image | None], count: int, side: int) -> None:
    """An .npy file of shape (count, side, side, 3), atomically; None leaves an image black."""
    with atomic_write(file) as unfinished:
        array = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (count, side, side, 3))
        with unfinished.open("rb+") as written:
            reserve(written.fileno(), unfinished.stat().st_size, file.parent)
        for row, image in zip(array, images, strict=True):
            if image is not None:
                row[:] = image
        array.flush()


def _decode_all(
    paths: Sequence[str],
    side: int,
    failed: list[tuple[str, str]],
    on_progress: OnProgress,
) -> Iterator[Image | None]:
    """In order; ``failed`` is filled with the path and the reason of each None."""
    with ThreadPoolExecutor(cores(), "decode") as threads:
        images = prefetch_map(threads, partial(_tried, side=side), paths, ahead=16 * cores())
        for number, image in enumerate(images):
            if isinstance(image, str):
                failed.append((paths[number], image))
            yield None if isinstance(image, str) else image
            on_progress(ProgressEvent("decoding", number + 1, len(paths)))


def _tried(path: str, side: int) -> Image | str:
    try:
        return _decoded(path, side)
    except ImageError as error:
        return str(error)


def _decoded(path: str, side: int) -> Image:
    return decode(path, Resize(side, side)).pixels
