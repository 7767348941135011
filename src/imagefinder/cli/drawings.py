"""Drawings that commands save: where they may go, and how they are marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._utils.outputs import check_output, mark
from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    import PIL.Image

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def check_drawing(out: Path, command: str, force: bool) -> None:
    """Raises ImageFinderError unless the drawing of a command can be saved there."""
    if out.suffix.lower() not in _SUFFIXES:
        raise ImageFinderError(f"{out}: the name must end in .png, .jpg, .webp or .tif")
    check_output(out, command, force)


def save_drawing(drawing: PIL.Image.Image, unfinished: Path, command: str) -> None:
    """Save it, marked as made by the command, so that the command may replace it."""
    from imagefinder.images.software import software_exif

    drawing.save(unfinished, exif=software_exif(mark(command)))
