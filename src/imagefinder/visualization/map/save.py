"""A map as a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagefinder._utils.atomic import atomic_write
from imagefinder.errors import ImageFinderError
from imagefinder.images.inputs import absolute
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Progress
from imagefinder.visualization.map.html import page
from imagefinder.visualization.map.map import Map
from imagefinder.visualization.map.raster import draw

_PAGES = (".html", ".htm")
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")
_QUALITY = 90


@dataclass(frozen=True)
class Saved:
    """A map that is written."""

    path: Path
    shown: int
    """Images that found room on it."""
    unreadable: int
    """Of these, those whose files could not be read."""


def check_name(path: str | os.PathLike[str]) -> Path:
    """The file in full. Raises ImageFinderError for an ending that is none of those there are."""
    file = absolute(path)
    if file.suffix.lower() not in (*_PAGES, *_IMAGES):
        raise ImageFinderError(
            f"{file.name}: a map's name ends in .html for a page, or .png, .jpg or .webp"
        )
    return file


def save(
    found: Map,
    path: str | os.PathLike[str],
    *,
    width: int = 2000,
    limits: Limits = LIMITS,
    progress: Progress = iter,
) -> Saved:
    """Write it in one step, as a page or as an image so many pixels wide, by the name's ending.

    Raises ImageFinderError for another ending, or where it cannot be written.
    """
    file = check_name(path)
    try:
        with atomic_write(file) as beside:
            if file.suffix.lower() in _PAGES:
                written = page(found, limits, progress)
                beside.write_bytes(written.html)
                return Saved(file, len(found.records), written.unreadable)
            drawn = draw(found, width, limits, progress)
            drawn.image.save(beside, quality=_QUALITY)
            return Saved(file, drawn.shown, drawn.unreadable)
    except OSError as error:
        raise ImageFinderError(f"{file} cannot be written: {error.strerror or error}") from error
