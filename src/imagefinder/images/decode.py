"""Decoding: from a path, bytes, a file or an array to upright RGB pixels, within limits."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

# importing these registers just the kinds that we accept, where Image.init() would load all
from PIL import (
    AvifImagePlugin,  # noqa: F401  registers AVIF
    BmpImagePlugin,  # noqa: F401  registers BMP and DIB
    GifImagePlugin,  # noqa: F401  registers GIF
    JpegImagePlugin,  # noqa: F401  registers JPEG, and MPO (a JPEG with more behind it)
    PngImagePlugin,  # noqa: F401  registers PNG
    TiffImagePlugin,  # noqa: F401  registers TIFF
    WebPImagePlugin,  # noqa: F401  registers WebP
)

from imagefinder._utils.concurrency import cores
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images.color import to_rgb
from imagefinder.images.files import read
from imagefinder.images.formats import is_shrinkable, open_image
from imagefinder.images.limits import LIMITS, Limits, check_bytes, check_pixels
from imagefinder.types import Image, Resize

Bytes: TypeAlias = bytes | bytearray | memoryview
Source: TypeAlias = (
    "str | os.PathLike[str] | Bytes | BinaryIO | PIL.Image.Image | NDArray[np.generic]"
)
"""Whatever can be turned into an image."""
# a JPEG is shrunk, while it is decoded, to no less than this many times the size asked for: at 1
# embeddings differ from those of a full decode by up to 0.005 in cosine, at 2 by less than 0.001
_SPARE = 2
_LARGE = 16_000_000
# no more are decoded at a time than there are cores, and large ones one by one, so that memory
# does not grow with the threads that ask
_few = threading.Semaphore(cores())
_one_large = threading.Semaphore(1)


@dataclass(frozen=True)
class Decoded:
    """Pixels, brought to the fit that was asked for, and the image's own upright size."""

    pixels: Image
    width: int
    height: int


def load_image(source: Source, limits: Limits = LIMITS) -> Image:
    """Upright RGB pixels, ``(height, width, 3)`` uint8, of a path, bytes, file, image or array.

    Alpha is laid on white, 16-bit and float samples become 8-bit, and of an animation the first
    frame is taken. Raises UnreadableImage or ImageTooLarge.
    """
    return decode(source, limits=limits).pixels


def decode(source: Source, resize: Resize | None = None, limits: Limits = LIMITS) -> Decoded:
    """Like ``load_image``, and brought to a fit; a large JPEG is shrunk while it is read."""
    known = isinstance(source, str | os.PathLike | Bytes | PIL.Image.Image | np.ndarray)
    if not known and not hasattr(source, "read"):
        kind = type(source).__name__
        raise TypeError(f"a path, bytes, file, PIL image or array is expected, not {kind}")
    try:
        if isinstance(source, np.ndarray):
            return _finished(_from_array(source), resize)
        if isinstance(source, PIL.Image.Image):
            source.load()
            return _finished(source, resize)
        if isinstance(source, Bytes):
            return _decoded(check_bytes(bytes(source), limits), resize, limits)
        return _decoded(read(source, limits), resize, limits)
    except (UnreadableImage, ImageTooLarge):
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"too many pixels: {error}") from error
    except MemoryError as error:
        raise ImageTooLarge("there is not enough memory to decode it") from error
    except Exception as error:  # whatever a decoder raises over hostile bytes is their fault
        raise UnreadableImage(f"damaged or not supported: {one_line(error)}") from error


def _decoded(data: bytes, resize: Resize | None, limits: Limits) -> Decoded:
    with open_image(BytesIO(data)) as image:
        # one call in place of one for each 64 kB: between two of them other threads take the lock
        image.decodermaxblock = len(data)
        full = image.size
        if not is_shrinkable(image):
            check_pixels(image, limits)
        if resize is not None:
            needed = round(_SPARE * max(resize.width, resize.height) / resize.keep)
            image.draft("", (needed, needed))
        check_pixels(image, limits)
        opened = image.size
        with _turn(image), _few:
            image.load()
            turned_itself = image.size != opened  # as a TIFF does
            return _finished(image, resize, image.size if turned_itself else full)


def _turn(image: PIL.Image.Image) -> AbstractContextManager[object]:
    return _one_large if image.width * image.height > _LARGE else nullcontext()


def _finished(
    image: PIL.Image.Image, resize: Resize | None, full: tuple[int, int] | None = None
) -> Decoded:
    """Eight-bit RGB, then the size (cheapest in this order), then upright.

    ``full`` is the size before any shrinking.
    """
    turned = _orientation(image)
    width, height = full or image.size
    if turned >= 5:
        width, height = height, width
    if width < 1 or height < 1:
        raise UnreadableImage("it has no pixels")
    if resize is not None:
        target = (resize.width, resize.height) if turned < 5 else (resize.height, resize.width)
        if image.mode in ("I", "F"):  # which take much memory to convert
            rgb = to_rgb(_fitted(image, resize, target))
        else:
            rgb = _fitted(to_rgb(image), resize, target)
    else:
        rgb = to_rgb(image)
    if turned != 1:
        rgb = rgb.transpose(_TRANSPOSE[turned])
    return Decoded(np.asarray(rgb), width, height)


_TRANSPOSE = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


def _orientation(image: PIL.Image.Image) -> int:
    """The EXIF orientation, 1 to 8. Must follow ``load``: PNG and TIFF know it only then."""
    try:
        turned = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF must not cost the image
        return 1
    return turned if turned in _TRANSPOSE else 1


def _fitted(image: PIL.Image.Image, resize: Resize, size: tuple[int, int]) -> PIL.Image.Image:
    resample = PIL.Image.Resampling[resize.filter.upper()]
    if resize.mode == "within":
        share = min(1, size[0] / image.width, size[1] / image.height)
        size = max(1, round(image.width * share)), max(1, round(image.height * share))
    if resize.mode in ("stretch", "within"):
        return image if image.size == size else image.resize(size, resample)
    # the part that a centre crop keeps, taken in the same step as the scaling
    scale = min(image.width / size[0], image.height / size[1]) * resize.keep
    width, height = size[0] * scale, size[1] * scale
    # never beyond the edge, as rounding would have it
    left, top = max(0.0, (image.width - width) / 2), max(0.0, (image.height - height) / 2)
    right, bottom = min(image.width, left + width), min(image.height, top + height)
    return image.resize(size, resample, box=(left, top, right, bottom))


def _from_array(array: NDArray[np.generic]) -> PIL.Image.Image:
    wanted = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not wanted or 0 in array.shape:
        raise UnreadableImage(
            f"an array must be uint8 of shape (height, width, 3), not {array.dtype} {array.shape}"
        )
    return PIL.Image.fromarray(array)
