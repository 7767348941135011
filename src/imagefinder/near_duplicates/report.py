"""HTML report of near-duplicates: all groups with thumbnails, on one self-contained page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imagefinder._utils.outputs import mark
from imagefinder.images.locations import Location
from imagefinder.images.thumbnail_html import thumbnail_html
from imagefinder.near_duplicates.detect import Duplicates
from imagefinder.near_duplicates.selection import kept_first
from imagefinder.types import Record
from imagefinder.verification.in_words import verdict_with_probability
from imagefinder.visualization.html import stream


@dataclass(frozen=True)
class ListedFile:
    """Where one file of an image is."""

    folder: str
    name: str
    modified: str
    """Its date and time; empty if it cannot be known."""
    note: str
    """Whether it is gone, or a link."""


def html_report(found: Duplicates) -> Iterator[str]:
    """The page, piece by piece: in each group the best image first, and why it is the best."""
    return stream(
        __package__,
        "duplicates.html",
        title="Near-duplicates",
        generator=mark("duplicates"),
        found=found,
        thumbnail=thumbnail_html,
        places=places,
        size=readable_size,
        verdict=verdict_with_probability,
    )


def places(record: Record) -> list[ListedFile]:
    """All files of an image: those that exist, then links, then those that are gone."""
    return [_place(location) for location in kept_first(record)]


def readable_size(count: int) -> str:
    """Bytes with a unit, to three digits: 48.2 kB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count} bytes"


def _place(location: Location) -> ListedFile:
    path = Path(location.path)
    note = {"file": "", "gone": " (gone)", "link": f" (link to {location.target})"}
    return ListedFile(str(path.parent), path.name, _modified(path), note[location.state])


def _modified(path: Path) -> str:
    try:
        return f"{datetime.fromtimestamp(os.stat(path).st_mtime):%Y-%m-%d %H:%M}"
    except (OSError, ValueError, OverflowError):
        return ""
