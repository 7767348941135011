"""Inline thumbnails: an image as an HTML element that contains its own data."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from markupsafe import Markup

from imagefinder.errors import ImageError
from imagefinder.images.thumbnails import thumbnail

REGION_COLOR = "#d95f02"
"""Of the frame of a region."""


def thumbnail_html(
    path: str | None, side: int = 160, region: Sequence[float] | None = None
) -> Markup:
    """An ``<img>`` whose longer side has ``side`` pixels, or a ``<p>`` that says why there is none.

    ``path`` is None for an image given in memory. A ``region`` is framed: left, top, width and
    height as fractions of the image.
    """
    if path is None:
        return Markup("<p>(given in memory)</p>")
    try:
        small = thumbnail(path, side)
    except ImageError as error:
        return Markup("<p>({})</p>").format(error)
    scale = side / max(small.width, small.height)
    width, height = (max(1, round(length * scale)) for length in (small.width, small.height))
    image = Markup('<img alt="" width="{}" height="{}" src="data:image/jpeg;base64,{}">').format(
        width, height, b64encode(small.jpeg).decode()
    )
    return image if region is None else _framed(image, width, height, region)


def _framed(image: Markup, width: int, height: int, region: Sequence[float]) -> Markup:
    left, top, wide, high = (f"{100 * share:.1f}%" for share in region)
    return Markup(
        '<div style="position:relative;width:{}px;height:{}px">{}<div style="position:absolute;'
        'left:{};top:{};width:{};height:{};box-sizing:border-box;border:3px solid {}"></div></div>'
    ).format(width, height, image, left, top, wide, high, REGION_COLOR)
