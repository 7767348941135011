"""Two images side by side: what in them is the same, and a drawing of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw

from imagefinder.encoders.inference import extract_one
from imagefinder.images.decode import Source, decode
from imagefinder.images.inputs import content, naming_errors
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.registry.factory import make_extractor, make_matcher
from imagefinder.types import Correspondences, Extractor, Image, LocalFeatures, Matcher, Resize

_SIDE = 640
_GAP = 8
_LINES = 200  # more would hide the images
_COLOURS = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was found in two images."""

    images: tuple[Image, Image]
    """As they are drawn."""
    local: tuple[LocalFeatures, LocalFeatures]
    correspondences: Correspondences

    def drawn(self) -> PIL.Image.Image:
        """Both images, with a line for each match (at most 200 of them)."""
        left, right = (PIL.Image.fromarray(image) for image in self.images)
        size = (left.width + _GAP + right.width, max(left.height, right.height))
        canvas = PIL.Image.new("RGB", size, "white")
        canvas.paste(left, (0, 0))
        canvas.paste(right, (left.width + _GAP, 0))
        pen = PIL.ImageDraw.Draw(canvas)
        for number, (one, other) in enumerate(self.lines()):
            pen.line([one, other], fill=_COLOURS[number % len(_COLOURS)], width=1)
            for x, y in (one, other):
                pen.ellipse([x - 2, y - 2, x + 2, y + 2], outline="white")
        return canvas

    def lines(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """From where to where in the drawing, in pixels."""
        shown = self.correspondences.pairs[:: max(1, math.ceil(len(self.correspondences) / _LINES))]
        left = self.local[0].points[shown[:, 0]] * _size(self.images[0])
        right = self.local[1].points[shown[:, 1]] * _size(self.images[1])
        right += np.array([self.images[0].shape[1] + _GAP, 0])
        return [(tuple(a), tuple(b)) for a, b in zip(left.tolist(), right.tolist(), strict=True)]


def compare(
    one: Source,
    other: Source,
    *,
    local: str | Extractor = "sift",
    matcher: str | Matcher | None = None,
    limits: Limits = LIMITS,
) -> Comparison:
    """What local features find of an image in another; by geometry of either kind if not told.

    Raises ImageError for images that cannot be used.
    """
    extractor = make_extractor(local) if isinstance(local, str) else local
    if not isinstance(matcher, str | None):
        judge = matcher
    else:
        judge = make_matcher(matcher or "geometric", None if matcher else {"geometry": "either"})
    left, first = _seen(one, extractor, limits)
    right, second = _seen(other, extractor, limits)
    return Comparison((left, right), (first, second), judge.match(first, second))


def _seen(source: Source, extractor: Extractor, limits: Limits) -> tuple[Image, LocalFeatures]:
    """As it is drawn, and its local features."""
    with naming_errors(source):
        image = content(source)
        shown = decode(image, Resize(_SIDE, _SIDE, mode="within"), limits).pixels
        pixels = decode(image, extractor.resize, limits).pixels
        return shown, extract_one(extractor, pixels)


def _size(image: Image) -> np.ndarray:
    return np.array(image.shape[1::-1])
