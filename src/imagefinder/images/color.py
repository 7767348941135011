"""Color conversion: any Pillow mode to 8-bit RGB."""

from __future__ import annotations

from typing import cast

import numpy as np
import PIL.Image

from imagefinder.images.sample_range import eight_bit_gray, eight_bit_numbers
from imagefinder.images.transparency import on_ground


def to_rgb(image: PIL.Image.Image, full: PIL.Image.Image | None = None) -> PIL.Image.Image:
    """The image in 8-bit RGB; ``full`` is the image before resizing, if it was resized."""
    if image.mode in ("I", "F"):
        return PIL.Image.fromarray(eight_bit_numbers(image, full or image)).convert("RGB")
    if image.mode.startswith("I;"):
        return _from_sixteen_bits(image)
    if image.has_transparency_data:
        return on_ground(image)
    if image.mode == "RGB":
        return image
    if image.mode == "LAB":
        return _from_lab(image)
    return image.convert("RGB")


def _from_sixteen_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    gray = PIL.Image.fromarray(eight_bit_gray(image))
    clear = image.info.get("transparency")  # the gray level that a PNG declares transparent
    if clear is None:
        return gray.convert("RGB")
    alpha = PIL.Image.fromarray(np.where(np.asarray(image) == clear, np.uint8(0), np.uint8(255)))
    return on_ground(PIL.Image.merge("LA", (gray, alpha)))


def _from_lab(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ImageCms  # slow to import, rarely needed

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return cast(PIL.Image.Image, converted)
