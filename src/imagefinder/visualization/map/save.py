"""Saving a map to a file, as an HTML page or as an image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagefinder._utils.outputs import check_output, mark, write_output
from imagefinder.errors import ImageFinderError
from imagefinder.images.inputs import absolute
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.software import software_exif
from imagefinder.types import Progress
from imagefinder.visualization.map.html import html_page
from imagefinder.visualization.map.map import Map
from imagefinder.visualization.map.raster import draw

_PAGES = (".html", ".htm")
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")
_QUALITY = 90
_COMMAND = "map"


@dataclass(frozen=True)
class SavedMap:
    """A map that has been written to a file."""

    path: Path
    shown: int
    """Images that there was room for."""
    unreadable: int
    """Of these, those whose files could not be read."""


def check_file_name(path: str | os.PathLike[str], force: bool = False) -> Path:
    """The absolute path, before anything is drawn.

    Raises ImageFinderError for an unsupported file name extension, and OutputError if it cannot be
    written, or, without ``force``, if a file is there that is no map.
    """
    file = absolute(path)
    if file.suffix.lower() not in (*_PAGES, *_IMAGES):
        raise ImageFinderError(
            f"{file.name}: the name of a map ends in .html (a page), or in .png, .jpg or .webp"
        )
    check_output(file, _COMMAND, force)
    return file


def save(
    found: Map,
    path: str | os.PathLike[str],
    *,
    width: int = 2000,
    force: bool = False,
    limits: Limits = LIMITS,
    progress: Progress = iter,
) -> SavedMap:
    """Write a page, or an image ``width`` pixels wide, depending on the name; atomically.

    Raises ImageFinderError as ``check_file_name`` does.
    """
    file = check_file_name(path, force)
    with write_output(file) as unfinished:
        if file.suffix.lower() in _PAGES:
            page = html_page(found, limits, progress)
            unfinished.write_bytes(page.html)
            return SavedMap(file, len(found.records), page.unreadable)
        drawn = draw(found, width, limits, progress)
        drawn.image.save(unfinished, quality=_QUALITY, exif=software_exif(mark(_COMMAND)))
        return SavedMap(file, drawn.shown, drawn.unreadable)
