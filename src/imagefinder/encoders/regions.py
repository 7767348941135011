"""Regions: several vectors an image, of the whole and of overlapping parts of it.

A small thing in a large scene hardly changes the vector of the whole; the vector of a region around
it is close to that of the thing alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import PIL.Image

from imagefinder._utils.concurrency import batched
from imagefinder.encoders.wrapper import EncoderWrapper
from imagefinder.errors import ModelError, PluginError, RecipeMismatch, UnknownPlugin
from imagefinder.images.decode import resized
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of
from imagefinder.types import (
    Box,
    Encoder,
    Features,
    Image,
    Measure,
    Recipe,
    Record,
    Resize,
    TextEncoder,
)

NAME: Final = "regions"
GRIDS: Final = (2, 3)
_BATCH = 32  # regions encoded in one step
_ASPECT = 4 / 3  # of images that keep their proportions, as most photographs have

Fractions = tuple[float, float, float, float]
"""Left, top, width and height, as fractions of the image's width and height."""


def boxes(grid: int) -> list[Fractions]:
    """The whole, 2 × 2 regions of two thirds of each side and, for 3, 3 × 3 of a half."""
    return [
        (column / (n + 1), row / (n + 1), 2 / (n + 1), 2 / (n + 1))
        for n in range(1, grid + 1)
        for row in range(n)
        for column in range(n)
    ]


@dataclass(frozen=True, eq=False)
class Regions:
    """Another encoder, applied to the whole image and to each of its regions.

    Row 0 is the whole; the others are in the order of ``boxes``.
    """

    encoder: str
    """The name of the other encoder."""
    options: Mapping[str, Any]
    grid: int = 2
    runtime: Mapping[str, Any] = field(default_factory=dict, metadata={"recipe": False})

    made: InitVar[Encoder | None] = None
    """The other encoder itself; it may have no registered name to be made by."""

    def __post_init__(self, made: Encoder | None) -> None:
        if self.grid not in GRIDS:
            raise ValueError(f"grid is 2 or 3, not {self.grid!r}")
        if self.encoder == NAME:
            raise ValueError("regions have no regions of their own: name another encoder")
        if made is not None:
            self.__dict__["base"] = made
        # with the defaults of options added since they were recorded
        object.__setattr__(self, "options", recipe_of(self.base).options)

    @classmethod
    def of(cls, encoder: Encoder, grid: int = 2) -> Self:
        """The regions of an encoder that is made already. Raises PluginError."""
        recipe = recipe_of(encoder)
        try:
            return cls(recipe.encoder, recipe.options, grid, recipe.runtime, encoder)
        except ValueError as error:
            raise PluginError(f"{NAME}: {error}") from error

    @classmethod
    def from_argument(cls, encoder: str, options: Mapping[str, Any]) -> Self:
        """From the other encoder as it is named alone; all options but ``grid`` are its own."""
        its_own = {name: value for name, value in options.items() if name != "grid"}
        return cls.of(make_encoder(encoder, its_own), options.get("grid", 2))

    @property
    def dim(self) -> int:
        """That of the other encoder."""
        return self.base.dim

    @property
    def measure(self) -> Measure:
        """That of the other encoder."""
        return self.base.measure

    @property
    def revision(self) -> int:
        """That of the other encoder."""
        return recipe_of(self.base).revision

    @cached_property
    def whole(self) -> Encoder:
        """That gives row 0 alone, which is all that a query needs, of the same images."""
        return WholeEncoder(self)

    @property
    def resize(self) -> Resize:
        """So large that the smallest region has the size that the other encoder expects."""
        needed = self.base.resize
        scale = (self.grid + 1) / 2
        width, height = round(needed.width * scale), round(needed.height * scale)
        if needed.mode == "stretch":
            return Resize(width, height, filter=needed.filter)
        side = round(max(width, height) / needed.keep * _ASPECT)
        return Resize(side, side, "within", filter=needed.filter)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """A row for each of ``boxes``. Raises PluginError if the other encoder gives several."""
        return self.encode_parts(images, boxes(self.grid))

    def encode_parts(self, images: Sequence[Image], each: Sequence[Fractions]) -> list[Features]:
        """A row for each of these regions. Raises PluginError likewise."""
        parts = (self._part(image, box) for image in images for box in each)
        rows = self._rows(parts)
        return [np.concatenate(of_image) for of_image in batched(rows, len(each))]

    def encode_text(self, texts: Sequence[str]) -> list[Features]:
        """One row each. Raises PluginError unless the other encoder has a text encoder."""
        if not isinstance(self.base, TextEncoder):
            raise PluginError(
                f"{self.encoder} has no text encoder: make a catalogue with --encoder clip "
                "or siglip"
            )
        return self.base.encode_text(texts)

    @cached_property
    def base(self) -> Encoder:
        """The other encoder."""
        try:
            return encoder_from(Recipe(self.encoder, self.options, 1, "cosine", self.runtime))
        except UnknownPlugin as error:
            raise ModelError(
                f"the regions are encoded by {self.encoder!r}: install its package"
            ) from error

    def _part(self, image: Image, box: Fractions) -> Image:
        height, width = image.shape[:2]
        left, top, wide, high = pixels_of(box, width, height)
        part = PIL.Image.fromarray(image[top : top + high, left : left + wide])
        needed = self.base.resize
        # resized twice, it would be blurred twice: a narrower filter comes nearest to doing it once
        sharp = "hamming" if needed.filter == "bilinear" else needed.filter
        return np.asarray(resized(part, replace(needed, filter=sharp)))

    def _rows(self, parts: Iterator[Image]) -> Iterator[Features]:
        for batch in batched(parts, _BATCH):
            for features in self.base.encode(batch):
                if len(features) != 1:
                    raise PluginError(
                        f"{self.encoder} gives several vectors per image, and has no regions: "
                        "use it without --regions"
                    )
                yield features


class WholeEncoder(EncoderWrapper):
    """The encoder of queries in a catalogue with regions: the vector of the whole image alone."""

    def __init__(self, regions: Regions) -> None:
        """Gives row 0 of ``regions``."""
        super().__init__(regions)
        self._regions = regions

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row each."""
        return self._regions.encode_parts(images, boxes(1))


def whole_encoder(encoder: Encoder) -> Encoder:
    """The encoder of queries: of the whole image alone."""
    whole: Encoder = getattr(encoder, "whole", encoder)
    return whole


def without_regions(encoder: Encoder) -> tuple[Encoder, int | None]:
    """The encoder of a single vector, and the grid; ``None`` for an encoder without regions."""
    inner = getattr(encoder, "wrapped", encoder)
    return (inner.base, inner.grid) if isinstance(inner, Regions) else (encoder, None)


def pixels_of(box: Fractions, width: int, height: int) -> Box:
    """A region in the pixels of an image of that size, of one pixel at least."""
    left, top = min(round(box[0] * width), width - 1), min(round(box[1] * height), height - 1)
    right, bottom = round((box[0] + box[2]) * width), round((box[1] + box[3]) * height)
    return left, top, max(1, right - left), max(1, bottom - top)


def grid_of(recipe: Recipe) -> int | None:
    """The grid of a catalogue with regions; ``None`` for one without."""
    return int(recipe.options["grid"]) if recipe.encoder == NAME else None


def whole_recipe(recipe: Recipe) -> Recipe:
    """How the vectors of whole images are made: by the other encoder, but for rounding."""
    if grid_of(recipe) is None:
        return recipe
    encoder, options = recipe.options["encoder"], recipe.options["options"]
    return replace(recipe, encoder=encoder, options=options)


def whole_rows(recipe: Recipe, rows: Features) -> Features:
    """The vector of the whole image, ``(1, dim)``; without regions, all its vectors."""
    return rows if grid_of(recipe) is None else rows[:1]


def rows_per_image(recipe: Recipe) -> int:
    """How many vectors an image has, by an encoder that gives one for the whole."""
    return len(boxes(grid_of(recipe) or 1))


def region_of(recipe: Recipe, row: int, record: Record) -> Box | None:
    """Where in an image the region of a stored vector is; ``None`` if it is the whole."""
    grid = grid_of(recipe)
    every = boxes(grid) if grid is not None else []
    if not 0 < row < len(every):
        return None
    return pixels_of(every[row], record.width, record.height)


def like_stored(encoder: Encoder, recipe: Recipe) -> Encoder:
    """With regions if the recipe of a catalogue has them: users name the other encoder alone."""
    grid = grid_of(recipe)
    if grid is None or recipe_of(encoder).encoder == NAME:
        return encoder
    return Regions.of(encoder, grid)


def check_grid(wanted: int | None, recipe: Recipe) -> None:
    """Raises RecipeMismatch if a catalogue keeps other regions than those wanted, or none."""
    grid = grid_of(recipe)
    if wanted is None or wanted == grid:
        return
    if grid is None:
        raise RecipeMismatch("the catalogue was made without regions: make another one for them")
    raise RecipeMismatch(
        f"the catalogue was made with --regions {grid}: leave {wanted} out, or make another one"
    )
