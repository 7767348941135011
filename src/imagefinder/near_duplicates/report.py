"""HTML report of near-duplicates: all groups with thumbnails, on one self-contained page."""

from __future__ import annotations

from collections.abc import Iterator

from imagefinder._utils.outputs import mark
from imagefinder.images.locations import locations
from imagefinder.images.thumbnail_html import thumbnail_html
from imagefinder.near_duplicates.detect import Duplicates
from imagefinder.visualization.html import stream


def html_report(found: Duplicates) -> Iterator[str]:
    """The page, piece by piece: in each group the best image first, and why it is the best."""
    return stream(
        __package__,
        "duplicates.html",
        title="Near-duplicates",
        generator=mark("duplicates"),
        found=found,
        thumbnail=thumbnail_html,
        locations=locations,
    )
