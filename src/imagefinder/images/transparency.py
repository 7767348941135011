"""Transparency: composited on a ground on which the image can be seen."""

from __future__ import annotations

import numpy as np
import PIL.Image
from numpy.typing import NDArray

_SIDE = 64
_SAMPLED = 1024
_DARK = 48  # not black, on which dark details of a light drawing would vanish
_LOST = 5  # on white, fewer than one part in this many of the edges can be seen
_EDGES = 100.0  # gray levels, summed: less than one visible dot


def on_ground(image: PIL.Image.Image) -> PIL.Image.Image:
    """An image with transparency as RGB: on white, or on dark gray where white hides its edges."""
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    if image.getchannel("A").getextrema()[0] == 255:
        return image.convert("RGB")
    level = 255 if _shows_on_white(image) else _DARK
    ground = PIL.Image.new("RGB", image.size, (level, level, level))
    ground.paste(image, mask=image)
    return ground


def _shows_on_white(image: PIL.Image.Image) -> bool:
    """By its edges, not by its colors: a white shirt with folds and buttons stays on white."""
    step = max(1, max(image.size) // _SAMPLED)
    if step > 1:  # a sample of the pixels, or a copy of a large image would be made
        size = max(1, image.width // step), max(1, image.height // step)
        image = image.resize(size, PIL.Image.Resampling.NEAREST)
    small = image.convert("RGBa").resize((_SIDE, _SIDE), PIL.Image.Resampling.BOX)
    premultiplied = np.asarray(small, np.float32)
    color, clear = premultiplied[..., :3], 255 - premultiplied[..., 3:]
    on_dark = _total_variation(color + clear * (_DARK / 255))
    return on_dark < _EDGES or _LOST * _total_variation(color + clear) >= on_dark


def _total_variation(pixels: NDArray[np.float32]) -> float:
    steps = (np.abs(np.diff(pixels, axis=axis)).max(axis=-1).sum() for axis in (0, 1))
    return float(sum(steps))
