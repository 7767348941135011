"""Color conversion: any Pillow mode to 8-bit RGB, transparency composited on white."""

from __future__ import annotations

from typing import cast

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile


def to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image in 8-bit RGB; alpha compositing is on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return PIL.Image.fromarray(_eight_bit(image)).convert("RGB")
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode == "RGB":
        return image
    if image.mode == "LAB":
        return _from_lab(image)
    return image.convert("RGB")


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    white = PIL.Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _eight_bit(image: PIL.Image.Image) -> NDArray[np.uint8]:
    """16-bit samples lose their low byte; other ranges than 0 to 255 are rescaled to it."""
    samples = np.asarray(image)
    if image.mode.startswith("I;"):
        gray = (samples >> (_bits(image) - 8)).astype(np.uint8)
        clear = image.info.get("transparency")  # the gray level that a PNG declares transparent
        return gray if clear is None else np.where(samples == clear, np.uint8(255), gray)
    values = np.nan_to_num(samples.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "I" and low >= 0 and 255 < high < 65536:
        low, high = 0.0, 65535.0
    elif low >= 0 and 1 < high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)


def _bits(image: PIL.Image.Image) -> int:
    """Significant bits of a 16-bit sample; a TIFF may use only 12."""
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    (bits, *_) = tags.get(BITSPERSAMPLE, (16,))
    return int(bits) if 8 < bits <= 16 else 16


def _from_lab(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ImageCms  # slow to import, rarely needed

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return cast(PIL.Image.Image, converted)
