"""From any of Pillow's modes to 8-bit RGB."""

from __future__ import annotations

from typing import cast

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile


def to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """The same picture in 8-bit RGB, on white where it can be seen through."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        return PIL.Image.fromarray(_eight_bit(picture)).convert("RGB")
    if picture.has_transparency_data:
        return _on_white(picture)
    if picture.mode == "RGB":
        return picture
    if picture.mode == "LAB":
        return _from_lab(picture)
    return picture.convert("RGB")


def _on_white(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode == "La":
        picture = picture.convert("LA")
    if picture.mode != "RGBA":
        picture = picture.convert("RGBA")
    white = PIL.Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture)
    return white


def _eight_bit(picture: PIL.Image.Image) -> NDArray[np.uint8]:
    """16-bit samples lose their low byte; others that go beyond 0 to 255 are stretched to it."""
    samples = np.asarray(picture)
    if picture.mode.startswith("I;"):
        grey = (samples >> (_bits(picture) - 8)).astype(np.uint8)
        clear = picture.info.get("transparency")  # one level of a PNG's that stands for nothing
        return grey if clear is None else np.where(samples == clear, np.uint8(255), grey)
    values = np.nan_to_num(samples.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if picture.mode == "I" and low >= 0 and 255 < high < 65536:
        low, high = 0.0, 65535.0
    elif low >= 0 and 1 < high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)


def _bits(picture: PIL.Image.Image) -> int:
    """Of a sample that lies in 16; a TIFF may use only 12 of them."""
    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    (bits, *_) = tags.get(BITSPERSAMPLE, (16,))
    return int(bits) if 8 < bits <= 16 else 16


def _from_lab(picture: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ImageCms  # slow to import, seldom needed

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    return cast(PIL.Image.Image, converted)
