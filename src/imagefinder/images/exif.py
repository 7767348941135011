"""EXIF of an image: the camera, and the date on which it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import PIL.Image

_MAKE, _MODEL, _EXIF, _TAKEN = 0x010F, 0x0110, 0x8769, 0x9003


@dataclass(frozen=True)
class Exif:
    """What the EXIF says of how an image came about."""

    camera: str | None = None
    """Its make and model."""
    taken: datetime | None = None
    """The time on the camera's clock."""


def exif_of(image: PIL.Image.Image) -> Exif:
    """Of an opened image; damaged EXIF says nothing."""
    try:
        tags = image.getexif()
        names = [str(tags.get(tag) or "").strip("\0 ") for tag in (_MAKE, _MODEL)]
        taken = _date(tags.get_ifd(_EXIF).get(_TAKEN))
    except Exception:  # damaged EXIF may raise anything
        return Exif()
    return Exif(" ".join(filter(None, names)) or None, taken)


def _date(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
