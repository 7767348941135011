"""Every image decoded once, small, and kept in a file that is mapped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.errors import ImageError
from imagefinder.images.decode import decode
from imagefinder.training.progress import Moment, Progress
from imagefinder.types import Failure, Image, Resize

_MOST = 8 * 2**30  # bytes of decoded images that are kept
_SPARE = 2  # times as much must be free


class PixelCache(Protocol):
    """Decoded images by number, all of one square size."""

    def __getitem__(self, number: int) -> Image:
        """Shape (side, side, 3)."""


@dataclass(frozen=True)
class Read:
    """Decoded each time, where keeping them would take too much of the disk."""

    paths: Sequence[str]
    side: int

    def __getitem__(self, number: int) -> Image:
        """Raises ImageError."""
        return _decoded(self.paths[number], self.side)


def kept(
    paths: Sequence[str], side: int, work: Path, tell: Progress
) -> tuple[PixelCache, tuple[Failure, ...]]:
    """The images, and those that cannot be decoded; once that is known, nothing is read again."""
    file, noted = work / "images.npy", work / "images.json"
    size = len(paths) * side * side * 3
    mapped = file.exists() or size <= min(_MOST, shutil.disk_usage(work).free // _SPARE)
    if not noted.exists():
        failures = _look_through(paths, side, file if mapped else None, tell)
        with atomic_write(noted) as unfinished:
            unfinished.write_text(json.dumps(failures), encoding="utf-8")
    failed = tuple(Failure(path, why) for path, why in json.loads(noted.read_text("utf-8")))
    return np.load(file, mmap_mode="r") if mapped else Read(paths, side), failed


def _look_through(
    paths: Sequence[str], side: int, file: Path | None, tell: Progress
) -> list[tuple[str, str]]:
    """Decode all, into the file if there is one; what is wrong with those that fail."""
    room = None
    if file is not None:
        room = np.lib.format.open_memmap(file, "w+", np.uint8, (len(paths), side, side, 3))
    failures = []
    with ThreadPoolExecutor(cores(), "decode") as threads:
        images = prefetch_map(threads, partial(_tried, side=side), paths, ahead=16 * cores())
        for number, image in enumerate(images):
            if isinstance(image, str):
                failures.append((paths[number], image))
            elif room is not None:
                room[number] = image
            tell(Moment("looking", number + 1, len(paths)))
    if room is not None:
        room.flush()
    return failures


def _tried(path: str, side: int) -> Image | str:
    try:
        return _decoded(path, side)
    except ImageError as error:
        return str(error)


def _decoded(path: str, side: int) -> Image:
    return decode(path, Resize(side, side)).pixels
