"""Frames: which one stands for an animation, or for a file of several pages.

The first, unless it is blank, as where a film fades in from black or a scan has an empty cover.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import PIL.Image
import PIL.ImageFile

from imagefinder.images.color import to_rgb
from imagefinder.images.limits import Limits, check_pixels
from imagefinder.images.orientation import kept

_FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF", "HEIF")  # an MPO's later images are aids
_SIDE = 64
# standard deviations in gray levels; a photograph has about 60
_BLANK = 8.0
_SHOWN = 32.0
_MOST_FRAMES = 16
_MOST_PIXELS = 100_000_000
_SUBFILE_TYPE, _REDUCED_OR_MASK = 254, 1 | 4


def has_frames(image: PIL.ImageFile.ImageFile) -> bool:
    """Whether a file that is open, but not loaded, has more than one frame or page."""
    return image.format in _FORMATS and bool(getattr(image, "is_animated", False))


def shown_frame(
    image: PIL.ImageFile.ImageFile, first: PIL.Image.Image, limits: Limits
) -> PIL.Image.Image:
    """``first``, the frame that is loaded; if it is blank, the first one that shows something.

    If none of those looked at shows much, it is the one that shows most.
    """
    if _contrast(first) >= _BLANK:
        return first
    best, most = kept(first), _BLANK
    for frame in _frames(image, limits):
        contrast = _contrast(frame)
        if contrast >= _SHOWN:
            return frame
        if contrast > most:
            best, most = kept(frame), contrast
    return best


def _frames(image: PIL.ImageFile.ImageFile, limits: Limits) -> Iterator[PIL.ImageFile.ImageFile]:
    """The image itself, at each frame that can be decoded."""
    pixels = image.width * image.height
    for number in range(1, _MOST_FRAMES):
        try:
            image.seek(number)
            check_pixels(image, limits)
            pixels += image.width * image.height
            if pixels > _MOST_PIXELS:
                return
            if not _is_aid(image):
                image.load()
                yield image
        except Exception:  # there are no more, or they cannot be decoded
            return


def _is_aid(image: PIL.ImageFile.ImageFile) -> bool:
    """Whether a page of a TIFF is a thumbnail or a mask of another."""
    return bool(getattr(image, "tag_v2", {}).get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK)


def _contrast(image: PIL.Image.Image) -> float:
    """The standard deviation of the color channel that varies most."""
    small = to_rgb(image).resize((_SIDE, _SIDE), PIL.Image.Resampling.BOX)
    return float(np.asarray(small, np.float32).std(axis=(0, 1)).max())
