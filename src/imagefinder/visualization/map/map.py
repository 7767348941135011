"""Map of embeddings: images and their coordinates in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.labels import folder_label
from imagefinder.errors import NotFound
from imagefinder.types import Record
from imagefinder.visualization.map.projection import NAMES, Coordinates, Projection, project
from imagefinder.visualization.map.sampling import MapSample, draw_sample, mean_vectors

_SAMPLE = 3000
_LIMIT = 16_384  # 128 × 128 thumbnails of 32 pixels are the largest sprite sheet of a page
_FOLDER = "folder"


@dataclass(frozen=True, eq=False)
class Map:
    """Images of a catalogue in two dimensions."""

    records: tuple[Record, ...]
    coordinates: Coordinates
    """Of each image, ``(n, 2)``: x to the right and y downwards, from 0 to 1."""
    by: Projection
    encoder: str
    total: int
    """How many images the catalogue holds."""
    missing: int
    """How many are left out because they have no file to show."""
    color: str | None = None
    """What groups are by: ``folder``, or the name of a metadata field."""
    groups: tuple[str | None, ...] = ()
    """The group of each image, if there are any."""

    @property
    def method(self) -> str:
        """The projection's usual name."""
        return NAMES[self.by]

    @property
    def description(self) -> str:
        """What is on the map, and what is not."""
        count = len(self.records)
        is_sample = count + self.missing < self.total
        images = f"{count:,} of {self.total:,} images" if is_sample else f"{count:,} images"
        parts = [f"{images} by {self.encoder}"]
        if is_sample:
            parts.append("a random sample")
        if self.missing:
            parts.append(f"{self.missing:,} left out without a file")
        return ", ".join(parts)


def make_map(
    catalogue: Catalogue,
    *,
    by: Projection = "tsne",
    sample: int | None = None,
    seed: int = 0,
    color: str | None = None,
) -> Map:
    """Project a catalogue's images to two dimensions, similar ones near each other.

    If there are more than ``sample`` images (3,000), a random sample of that size is drawn;
    ``seed`` is for the sample and the projection. ``color`` groups the images by their ``folder``,
    or by the metadata field of that name. Raises MissingExtra, NotFound if no image has such
    metadata, and ValueError for a sample of none, or of more than 16,384.
    """
    limit = _SAMPLE if sample is None else sample
    if not 1 <= limit <= _LIMIT:
        raise ValueError(f"a map has 1 to {_LIMIT:,} images, not {limit:,}")
    drawn = draw_sample(catalogue.store, limit, seed)
    groups = _groups(drawn, color)
    coordinates = project(mean_vectors(catalogue.store, drawn.records), by, seed)
    encoder = catalogue.recipe.encoder
    return Map(drawn.records, coordinates, by, encoder, drawn.total, drawn.missing, color, groups)


def _groups(drawn: MapSample, color: str | None) -> tuple[str | None, ...]:
    if color is None:
        return ()
    groups = tuple(_group(record, color) for record in drawn.records)
    if drawn.records and not any(groups):
        names = sorted({name for record in drawn.records for name in record.metadata})
        there = f"; there are {', '.join(names)}" if names else ""
        raise NotFound(f"no image has a metadata field {color!r}{there}")
    return groups


def _group(record: Record, color: str) -> str | None:
    if color == _FOLDER:
        return folder_label(record.path) if record.path else None
    value = record.metadata.get(color)
    return None if value in (None, "") else str(value)
