"""Inline thumbnails: an image as an HTML element that contains its own data."""

from __future__ import annotations

from base64 import b64encode

from markupsafe import Markup

from imagefinder.errors import ImageError
from imagefinder.images.thumbnails import thumbnail


def thumbnail_html(path: str | None, side: int = 160) -> Markup:
    """An ``<img>`` whose longer side has ``side`` pixels, or a ``<p>`` that says why there is none.

    ``path`` is None for an image given in memory.
    """
    if path is None:
        return Markup("<p>(given in memory)</p>")
    try:
        small = thumbnail(path, side)
    except ImageError as error:
        return Markup("<p>({})</p>").format(error)
    scale = side / max(small.width, small.height)
    width, height = (max(1, round(length * scale)) for length in (small.width, small.height))
    return Markup('<img alt="" width="{}" height="{}" src="data:image/jpeg;base64,{}">').format(
        width, height, b64encode(small.jpeg).decode()
    )
