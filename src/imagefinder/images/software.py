"""The software that made an image, named in its Exif data."""

from __future__ import annotations

import PIL.Image

_SOFTWARE = 0x0131  # Exif's tag


def software_exif(name: str) -> PIL.Image.Exif:
    """Exif data for Pillow to save with an image; formats without Exif leave it out."""
    exif = PIL.Image.Exif()
    exif[_SOFTWARE] = name
    return exif
