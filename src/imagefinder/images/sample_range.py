"""Sample ranges: samples of more than 8 bits, which may use only a part of their range, as 8-bit.

Cameras and scanners store 10, 12 or 14 bits in 16, often without saying so; the highest sample
tells. A range that a file declares is believed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, TiffImageFile

from imagefinder.images.formats import open_image

_SLAB = 256
_BITS = (8, 10, 12, 14, 16)
_HIGHEST = (281, 341)  # the TIFF tags MaxSampleValue and SMaxSampleValue
_WHITE_IS_ZERO = 0
_SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


def eight_bit_gray(image: PIL.Image.Image) -> NDArray[np.uint8]:
    """The samples of an image of mode ``I;16`` (any byte order) in the range that they use."""
    samples = np.asarray(image)
    bits = max(_declared_bits(image), _bits(samples))
    gray = (samples >> bits - 8).astype(np.uint8)
    inverted = _tags(image).get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    return 255 - gray if inverted else gray


def eight_bit_numbers(image: PIL.Image.Image, full: PIL.Image.Image) -> NDArray[np.uint8]:
    """The samples of an image of mode ``I`` or ``F``, which may be a resized one.

    The range comes from ``full``, the image before resizing, which averages samples and, with some
    filters, overshoots. Ranges other than the usual ones are stretched from the lowest to the
    highest sample.
    """
    low, high = _range_of(full)
    values = _numbers(image)
    if image.mode == "I" and low >= 0 and 255 < high < 65536:
        low, high = 0.0, float(2 ** _bits(np.array([high], np.int64)) - 1)
    elif low >= 0 and 1 < high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    else:
        low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255 / ((high - low) or 1))
    return scaled.clip(0, 255).astype(np.uint8)


def sixteen_bit_layout(image: PIL.ImageFile.ImageFile) -> str:
    """How a file that is open, but not loaded, stores 16-bit color; empty if it does not."""
    layout = _layout(image.tile[0].args) if image.tile else ""
    return layout if layout[:-1] in ("RGB;16", "RGBA;16", "RGBX;16") else ""


def brightened(image: PIL.Image.Image, layout: str, data: bytes) -> PIL.Image.Image:
    """16-bit color that uses 14 bits or fewer, in the range that it uses.

    Pillow gives the upper byte of each sample. The lower one is what it takes for the upper one if
    told that the byte order is the other.
    """
    if not layout or _brightest(image) >= 2**6:
        return image
    with open_image(BytesIO(data)) as other:
        other.tile = [
            tile._replace(args=_with_layout(tile.args, layout[:-1] + _SWAPPED[layout[-1]]))
            for tile in other.tile
        ]
        other.load()
        highest = max(int(samples.max(initial=0)) for _, samples in _slabs(image, other))
        bits = _bits(np.array([highest]))
        bright = PIL.Image.new("RGB", image.size)
        for top, samples in _slabs(image, other):
            colors = (samples >> bits - 8).astype(np.uint8)
            bright.paste(PIL.Image.fromarray(colors), (0, top))
    if image.mode != "RGB":
        bright.putalpha(image.getchannel(3))
    bright.info = image.info
    return bright


def _brightest(image: PIL.Image.Image) -> int:
    extrema: Any = image.getextrema()  # a pair for each band
    return max(int(highest) for _, highest in extrema[:3])


def _slabs(
    upper: PIL.Image.Image, lower: PIL.Image.Image
) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """The 16-bit colors of some rows at a time, with the number of the first, to spare memory."""
    for top in range(0, upper.height, _SLAB):
        box = (0, top, upper.width, min(top + _SLAB, upper.height))
        high, low = (np.asarray(image.crop(box))[..., :3] for image in (upper, lower))
        yield top, (high.astype(np.uint16) << 8) | low


def _bits(samples: NDArray[Any]) -> int:
    """The fewest usual bits that hold the highest sample."""
    highest = int(samples.max(initial=0))
    return next(bits for bits in _BITS if highest < 2**bits)


def _declared_bits(image: PIL.Image.Image) -> int:
    """As a TIFF declares them; 0 if it does not."""
    tags = _tags(image)
    (bits, *_) = tags.get(BITSPERSAMPLE, (16,))
    if 8 < bits < 16:
        return int(bits)
    highest = max(float(np.max(tags.get(tag, 0))) for tag in _HIGHEST)
    return _bits(np.array([highest])) if 255 < highest < 65535 else 0


def _tags(image: PIL.Image.Image) -> Any:
    return image.tag_v2 if isinstance(image, TiffImageFile) else {}


def _numbers(image: PIL.Image.Image) -> NDArray[np.float32]:
    values = np.asarray(image).astype(np.float32)
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _range_of(image: PIL.Image.Image) -> tuple[float, float]:
    low, high = cast("tuple[float, float]", image.getextrema())
    if np.isfinite((low, high)).all():
        return float(low), float(high)
    values = _numbers(image)  # costs a copy
    return float(values.min()), float(values.max())


def _layout(args: Any) -> str:
    return str(args[0] if isinstance(args, tuple) else args)


def _with_layout(args: Any, layout: str) -> Any:
    return (layout, *args[1:]) if isinstance(args, tuple) else layout
