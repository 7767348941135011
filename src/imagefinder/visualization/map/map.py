"""A map: images, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagefinder.errors import NotFound
from imagefinder.finder import Finder
from imagefinder.types import Record
from imagefinder.visualization.map.projection import NAMES, By, Places, project
from imagefinder.visualization.map.sampling import Sample, rows_of, sampled

_SAMPLE = 3000
_MOST = 16_384  # 128 × 128 thumbnails of 32 pixels are the largest sheet of a page
_FOLDER = "folder"


@dataclass(frozen=True, eq=False)
class Map:
    """Images of a catalogue on a plane."""

    records: tuple[Record, ...]
    places: Places
    """Of each, ``(n, 2)``: x to the right and y downwards, within 0 to 1."""
    by: By
    encoder: str
    total: int
    """How many the catalogue holds."""
    gone: int
    """How many are left out since they have no file to show."""
    colour: str | None = None
    """What their groups are by: ``folder``, or the name of metadata."""
    groups: tuple[str | None, ...] = ()
    """That of each, if there are any."""

    def told(self) -> str:
        """What is on it, and what is not."""
        count = len(self.records)
        sample = count + self.gone < self.total
        images = f"{count:,} of {self.total:,} images" if sample else f"{count:,} images"
        left_out = f"; left out for want of a file: {self.gone:,}" if self.gone else ""
        chosen = ", a random sample" if sample else ""
        return f"{images} by {self.encoder}{chosen}{left_out}"

    @property
    def method(self) -> str:
        """As people call it."""
        return NAMES[self.by]


def make_map(
    finder: Finder,
    *,
    by: By = "tsne",
    sample: int | None = None,
    seed: int = 0,
    colour: str | None = None,
) -> Map:
    """Lay a catalogue's images on a plane, those that are alike near each other.

    Of more than ``sample`` images (3,000), so many are drawn by lot; the ``seed`` decides that,
    and what else is left to chance. ``colour`` groups them by their ``folder``, or by the metadata
    of that name. Raises MissingExtra, NotFound if no image has such metadata, and ValueError for
    a sample of none, or of more than 16,384.
    """
    most = _SAMPLE if sample is None else sample
    if not 1 <= most <= _MOST:
        raise ValueError(f"a map has 1 to {_MOST:,} images, not {most:,}")
    drawn = sampled(finder.store, most, seed)
    groups = _groups(drawn, colour)
    places = project(rows_of(finder.store, drawn.records), by, seed)
    encoder = finder.recipe.encoder
    return Map(drawn.records, places, by, encoder, drawn.total, drawn.gone, colour, groups)


def _groups(drawn: Sample, colour: str | None) -> tuple[str | None, ...]:
    if colour is None:
        return ()
    groups = tuple(_group(record, colour) for record in drawn.records)
    if drawn.records and not any(groups):
        names = sorted({name for record in drawn.records for name in record.metadata})
        there = f"; there are {', '.join(names)}" if names else ""
        raise NotFound(f"no image has metadata of the name {colour!r}{there}")
    return groups


def _group(record: Record, colour: str) -> str | None:
    if colour == _FOLDER:
        return Path(record.path).parent.name if record.path else None
    value = record.metadata.get(colour)
    return None if value in (None, "") else str(value)
