"""Image matching: the correspondences of two images, and a drawing of them side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from imagefinder.encoders.inference import extract_one
from imagefinder.encoders.instance_cache import INSTANCES
from imagefinder.images.decode import Source, decode
from imagefinder.images.inputs import content, naming_errors
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.registry.factory import make_extractor, make_matcher
from imagefinder.types import Correspondences, Extractor, Image, LocalFeatures, Matcher, Resize

_SIDE = 640
_GAP = 8
MAX_DRAWN_PAIRS = 200
"""More lines would hide the images."""

_COLORS = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two images, their local features, and the correspondences."""

    images: tuple[Image, Image]
    """In the size in which they are drawn."""
    local: tuple[LocalFeatures, LocalFeatures]
    correspondences: Correspondences

    def drawn(self) -> PIL.Image.Image:
        """Both images side by side, with a line for each of at most 200 correspondences."""
        left, right = (PIL.Image.fromarray(image) for image in self.images)
        size = (left.width + _GAP + right.width, max(left.height, right.height))
        canvas = PIL.Image.new("RGB", size, "white")
        canvas.paste(left, (0, 0))
        canvas.paste(right, (left.width + _GAP, 0))
        pen = PIL.ImageDraw.Draw(canvas)
        for number, (one, other) in enumerate(self.lines()):
            pen.line([one, other], fill=_COLORS[number % len(_COLORS)], width=1)
            for x, y in (one, other):
                pen.ellipse([x - 2, y - 2, x + 2, y + 2], outline="white")
        return canvas

    def drawn_pairs(self) -> NDArray[np.intp]:
        """Every n-th pair of the correspondences, so that there are at most 200."""
        pairs = self.correspondences.pairs
        return pairs[:: max(1, math.ceil(len(pairs) / MAX_DRAWN_PAIRS))]

    def lines(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """The ends of each line in the drawing, in pixels."""
        shown = self.drawn_pairs()
        left = self.local[0].points[shown[:, 0]] * _size(self.images[0])
        right = self.local[1].points[shown[:, 1]] * _size(self.images[1])
        right += np.array([self.images[0].shape[1] + _GAP, 0])
        return [(tuple(a), tuple(b)) for a, b in zip(left.tolist(), right.tolist(), strict=True)]


def match_images(
    one: Source,
    other: Source,
    *,
    local: str | Extractor = "sift",
    matcher: str | Matcher | None = None,
    limits: Limits = LIMITS,
) -> Comparison:
    """Match the local features of two images; the default verifies either geometry.

    Raises ImageError for images that cannot be used.
    """
    extractor = INSTANCES.shared(make_extractor(local)) if isinstance(local, str) else local
    if matcher is None:
        matcher = make_matcher("geometric", {"geometry": "either"})
    elif isinstance(matcher, str):
        matcher = make_matcher(matcher)
    left, first = _extract(one, extractor, limits)
    right, second = _extract(other, extractor, limits)
    return Comparison((left, right), (first, second), matcher.match(first, second))


def shown_pair(one: Source, other: Source, limits: Limits = LIMITS) -> Comparison:
    """Two images whose local features are not compared."""
    none = LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, 0), np.float32))
    images = _shown(one, limits), _shown(other, limits)
    return Comparison(images, (none, none), Correspondences(np.empty((0, 2), np.intp)))


def _shown(source: Source, limits: Limits) -> Image:
    """In the size in which it is drawn."""
    return decode(source, Resize(_SIDE, _SIDE, mode="within"), limits).pixels


def _extract(source: Source, extractor: Extractor, limits: Limits) -> tuple[Image, LocalFeatures]:
    """The image as it is drawn, and its local features."""
    with naming_errors(source):
        image = content(source)
        pixels = decode(image, extractor.resize, limits).warned(source).pixels
        return _shown(image, limits), extract_one(extractor, pixels)


def _size(image: Image) -> NDArray[np.intp]:
    return np.array(image.shape[1::-1])
