"""Image decoding: any source to RGB pixels, EXIF orientation applied, within limits."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray

from imagefinder._utils.concurrency import cores
from imagefinder._utils.text import one_line
from imagefinder.errors import DecoderBusy, ImageTooLarge, TruncatedImage, UnreadableImage
from imagefinder.images.budget import BUDGET
from imagefinder.images.color import to_rgb
from imagefinder.images.color_profile import srgb_conversion
from imagefinder.images.cost.estimate import estimate
from imagefinder.images.files import read
from imagefinder.images.formats import is_shrinkable, open_image
from imagefinder.images.frames import has_frames, shown_frame
from imagefinder.images.isolation import cost_of_part, decode_isolated, is_costly
from imagefinder.images.limits import LIMITS, Limits, check_bytes, check_cost, check_pixels
from imagefinder.images.orientation import orientation_of, upright
from imagefinder.images.sample_range import brightened, sixteen_bit_layout
from imagefinder.images.truncated import decodable_part
from imagefinder.types import Image, Resize

Bytes: TypeAlias = bytes | bytearray | memoryview
Source: TypeAlias = (
    "str | os.PathLike[str] | Bytes | BinaryIO | PIL.Image.Image | NDArray[np.generic]"
)
"""Anything that can be decoded to an image."""
# a JPEG is decoded at a reduced size of at least this many times the target size: at 1, embeddings
# differ from those of a full decode by up to 0.005 in cosine, at 2 by less than 0.001
_OVERSAMPLING = 2
# concurrent decodes are limited to the number of cores, so that memory does not grow with the
# number of threads
_slots = threading.Semaphore(cores())
_FINAL = (ImageTooLarge, PIL.Image.DecompressionBombError, MemoryError)
"""What is not cured by taking only a part of the image."""


@dataclass(frozen=True)
class Decoded:
    """Resized pixels, and the upright size of the original."""

    pixels: Image
    width: int
    height: int
    warning: str = ""
    """What is missing of a truncated or damaged image, of which these are the rows that are there;
    empty for one that is whole."""

    def warned(self, source: Source) -> Decoded:
        """Itself, with a Python warning if something is missing."""
        if self.warning:
            name = os.fspath(source) if isinstance(source, str | os.PathLike) else "the image"
            warnings.warn(f"{name} is {self.warning}", TruncatedImage, stacklevel=3)
        return self


def load_image(source: Source, limits: Limits = LIMITS) -> Image:
    """Upright RGB pixels, ``(height, width, 3)`` uint8, of a path, bytes, file, image or array.

    Transparency is composited on white, or on dark gray where white would hide what is drawn;
    16-bit and float samples become 8-bit, and an animation gives its first frame that shows
    something. Of a truncated image the part that is there comes back, with the warning
    TruncatedImage. Raises UnreadableImage or ImageTooLarge.
    """
    return decode(source, limits=limits).warned(source).pixels


def decode(source: Source, resize: Resize | None = None, limits: Limits = LIMITS) -> Decoded:
    """Like ``load_image``, with resizing; a large JPEG is decoded at a reduced size."""
    known = isinstance(source, str | os.PathLike | Bytes | PIL.Image.Image | np.ndarray)
    if not known and not hasattr(source, "read"):
        kind = type(source).__name__
        raise TypeError(f"expected a path, bytes, file, PIL image or array, not {kind}")
    with _decoder_errors():
        if isinstance(source, np.ndarray):
            source = _from_array(source)
        if isinstance(source, PIL.Image.Image):
            source.load()
            return _finished(source, resize, source.size, orientation_of(source))
        if isinstance(source, Bytes):
            return _within_budget(check_bytes(bytes(source), limits), resize, limits)
        return _within_budget(read(source, limits), resize, limits)


def decode_here(data: bytes, resize: Resize | None, limits: Limits) -> Decoded:
    """In this process, whatever it costs. Raises UnreadableImage or ImageTooLarge."""
    with _decoder_errors():
        try:
            return _whole(data, resize, limits)
        except _FINAL:
            raise
        except Exception:
            part = _part(data, resize, limits) if limits.allow_truncated else None
            if part is None:
                raise
            return part


@contextmanager
def _decoder_errors() -> Iterator[None]:
    try:
        yield
    except (UnreadableImage, ImageTooLarge, DecoderBusy):
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"too many pixels: {error}") from error
    except MemoryError as error:
        raise ImageTooLarge("there is not enough memory to decode it") from error
    except Exception as error:  # a decoder may raise anything for malicious bytes
        raise UnreadableImage(f"damaged or not supported: {one_line(error)}") from error


def _within_budget(data: bytes, resize: Resize | None, limits: Limits) -> Decoded:
    """All claim their memory beforehand; what is costly is decoded in a process of its own."""
    cost = estimate(data, None if resize is None else _needed(resize))
    check_cost(cost, limits)
    if not is_costly(cost, limits):
        try:
            with BUDGET.claim(cost.memory, costly=False), _slots:
                return _whole(data, resize, limits)
        except (*_FINAL, DecoderBusy):
            raise
        except Exception:
            if not limits.allow_truncated or not cost.memory:  # it is no image at all
                raise
        cost = cost_of_part(cost)
        check_cost(cost, limits)
    with BUDGET.claim(cost.memory, costly=True):
        isolated = decode_isolated(data, resize, limits, cost)
        return decode_here(data, resize, limits) if isolated is None else Decoded(**isolated)


def _whole(data: bytes, resize: Resize | None, limits: Limits) -> Decoded:
    with open_image(BytesIO(data)) as image:
        # one call instead of one per 64 kB: between calls other threads would take the lock
        image.decodermaxblock = len(data)
        full = image.size
        _prepare(image, resize, limits)
        before, layout, moves = image.size, sixteen_bit_layout(image), has_frames(image)
        image.load()
        shown = brightened(image, layout, data)
        if moves:
            shown = shown_frame(image, shown, limits)
        if moves or image.size != before:  # Pillow rotates a TIFF itself
            full = shown.size
        return _finished(shown, resize, full, orientation_of(shown))


def _part(data: bytes, resize: Resize | None, limits: Limits) -> Decoded | None:
    reduction = 1.0

    def prepare(image: PIL.ImageFile.ImageFile) -> None:
        nonlocal reduction
        before = image.size
        _prepare(image, resize, limits)
        reduction = before[0] / image.width

    part = decodable_part(data, prepare)
    if part is None:
        return None
    full = round(part.image.width * reduction), round(part.image.height * reduction)
    decoded = _finished(part.image, resize, full, part.orientation)
    return replace(decoded, warning=part.warning)


def _prepare(image: PIL.ImageFile.ImageFile, resize: Resize | None, limits: Limits) -> None:
    """Check the size, and have a JPEG decoded at a reduced size."""
    if not is_shrinkable(image):
        check_pixels(image, limits)
    if resize is not None:
        image.draft("", (_needed(resize),) * 2)
    check_pixels(image, limits)


def _needed(resize: Resize) -> int:
    """The size that the reduced decode of a JPEG must not fall below."""
    return round(_OVERSAMPLING * max(resize.width, resize.height) / resize.keep)


def _finished(
    image: PIL.Image.Image,
    resize: Resize | None,
    full: tuple[int, int],
    orientation: int,
) -> Decoded:
    """8-bit sRGB in the size asked for, then upright.

    ``full`` is the size before a reduced decode.
    """
    width, height = full
    if orientation >= 5:
        width, height = height, width
    if width < 1 or height < 1:
        raise UnreadableImage("the image has no pixels")
    rgb = _srgb(image, resize and _turned(resize, orientation))
    return Decoded(np.asarray(upright(rgb, orientation)), width, height)


def _turned(resize: Resize, orientation: int) -> Resize:
    if orientation < 5:
        return resize
    return replace(resize, width=resize.height, height=resize.width)


def _srgb(image: PIL.Image.Image, resize: Resize | None) -> PIL.Image.Image:
    """8-bit sRGB, resized; colors are converted last, when there are fewest pixels."""
    conversion = srgb_conversion(image)
    if image.mode == "CMYK" and conversion is not None:
        return conversion(_resized(image, resize))
    if image.mode in ("I", "F"):  # expensive to make 8-bit at full size
        rgb = to_rgb(_resized(image, resize), image)
    else:
        rgb = _resized(to_rgb(image), resize)
    return rgb if conversion is None else conversion(rgb)


def _resized(image: PIL.Image.Image, resize: Resize | None) -> PIL.Image.Image:
    if resize is None:
        return image
    size = resize.width, resize.height
    resample = PIL.Image.Resampling[resize.filter.upper()]
    if resize.mode == "within":
        scale = min(1, size[0] / image.width, size[1] / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if resize.mode in ("stretch", "within"):
        return image if image.size == size else image.resize(size, resample)
    # a center crop, in the same step as the scaling
    scale = min(image.width / size[0], image.height / size[1]) * resize.keep
    width, height = size[0] * scale, size[1] * scale
    # never beyond the edge, despite rounding
    left, top = max(0.0, (image.width - width) / 2), max(0.0, (image.height - height) / 2)
    right, bottom = min(image.width, left + width), min(image.height, top + height)
    return image.resize(size, resample, box=(left, top, right, bottom))


def _from_array(array: NDArray[np.generic]) -> PIL.Image.Image:
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not is_image or 0 in array.shape:
        raise UnreadableImage(
            f"an array must be uint8 of shape (height, width, 3), not {array.dtype} {array.shape}"
        )
    return PIL.Image.fromarray(array)
