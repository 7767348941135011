"""Image decoding: any source to RGB pixels, EXIF orientation applied, within limits."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
from imagefinder.images.resampling import reduced, resampled
from imagefinder.images.sample_range import brightened, sixteen_bit_layout
from imagefinder.images.truncated import decodable_part
from imagefinder.types import Image, Resize

Bytes: TypeAlias = bytes | bytearray | memoryview
Source: TypeAlias = (
    "str | os.PathLike[str] | Bytes | BinaryIO | PIL.Image.Image | NDArray[np.generic]"
)
"""Anything that can be decoded to an image."""
_Sizes: TypeAlias = "Sequence[Resize | None]"
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


_Done: TypeAlias = "dict[Resize | None, Decoded]"


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
    return decode_each(source, resize, (), limits)[0]


def decode_each(
    source: Source, resize: Resize | None, others: _Sizes, limits: Limits = LIMITS
) -> tuple[Decoded, list[Decoded | None]]:
    """``decode``, and the image in other sizes as well, from the same decode if possible.

    Where a JPEG was reduced too much for one of these, it is decoded again. That may fail, and then
    there is None: of a truncated image, more may be decodable at a reduced size.
    """
    known = isinstance(source, str | os.PathLike | Bytes | PIL.Image.Image | np.ndarray)
    if not known and not hasattr(source, "read"):
        kind = type(source).__name__
        raise TypeError(f"expected a path, bytes, file, PIL image or array, not {kind}")
    with _decoder_errors():
        if isinstance(source, np.ndarray):
            source = _from_array(source)
        if isinstance(source, PIL.Image.Image):
            source.load()
            done = _finished(source, (resize, *others), source.size, orientation_of(source))
            return done[resize], [done[other] for other in others]
        data = bytes(source) if isinstance(source, Bytes) else read(source, limits)
        first, *further = _within_budget(check_bytes(data, limits), (resize, *others), limits)
        assert first is not None  # noqa: S101  or an error is raised
        return first, further


def decode_here(data: bytes, resizes: _Sizes, limits: Limits) -> list[Decoded | None]:
    """In this process, whatever it costs. Raises UnreadableImage or ImageTooLarge."""
    with _decoder_errors():
        try:
            return _all(_whole, data, resizes, limits)
        except _FINAL:
            raise
        except Exception:
            parts = _all(_part, data, resizes, limits) if limits.allow_truncated else []
            if not parts:
                raise
            return parts


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


def _within_budget(data: bytes, resizes: _Sizes, limits: Limits) -> list[Decoded | None]:
    """All claim their memory beforehand; what is costly is decoded in a process of its own."""
    cost = estimate(data, _most_needed(resizes))
    check_cost(cost, limits)
    if not is_costly(cost, limits):
        try:
            with BUDGET.claim(cost.memory, costly=False), _slots:
                return _all(_whole, data, resizes, limits)
        except (*_FINAL, DecoderBusy):
            raise
        except Exception:
            if not limits.allow_truncated or not cost.memory:  # it is no image at all
                raise
        cost = cost_of_part(cost)
        check_cost(cost, limits)
    with BUDGET.claim(cost.memory, costly=True):
        isolated = decode_isolated(data, resizes, limits, cost)
        if isolated is None:
            return decode_here(data, resizes, limits)
        return [None if fields is None else Decoded(**fields) for fields in isolated]


def _all(
    decode_some: Callable[[bytes, _Sizes, Limits], _Done],
    data: bytes,
    resizes: _Sizes,
    limits: Limits,
) -> list[Decoded | None]:
    """In the first size, and in the others by as many decodes as it takes; empty if not at all."""
    done = decode_some(data, resizes, limits)
    if not done:
        return []
    for place, resize in enumerate(resizes):
        if resize not in done:
            rest = [other for other in resizes[place:] if other not in done]
            with suppress(Exception):  # the first is what matters
                done |= decode_some(data, rest, limits)
    return [done.get(resize) for resize in resizes]


def _whole(data: bytes, resizes: _Sizes, limits: Limits) -> _Done:
    """In the first size, and the others that the same decode is good for."""
    with open_image(BytesIO(data)) as image:
        # one call instead of one per 64 kB: between calls other threads would take the lock
        image.decodermaxblock = len(data)
        full = image.size
        served = _prepare(image, resizes, limits)
        before, layout, moves = image.size, sixteen_bit_layout(image), has_frames(image)
        image.load()
        shown = brightened(image, layout, data)
        if moves:
            shown = shown_frame(image, shown, limits)
        if moves or image.size != before:  # Pillow rotates a TIFF itself
            full = shown.size
        return _finished(shown, served, full, orientation_of(shown))


def _part(data: bytes, resizes: _Sizes, limits: Limits) -> _Done:
    """Likewise; empty if nothing can be decoded."""
    reduction, served = 1.0, resizes

    def prepare(image: PIL.ImageFile.ImageFile) -> None:
        nonlocal reduction, served
        before = image.size
        served = _prepare(image, resizes, limits)
        reduction = before[0] / image.width

    part = decodable_part(data, prepare)
    if part is None:
        return {}
    full = round(part.image.width * reduction), round(part.image.height * reduction)
    done = _finished(part.image, served, full, part.orientation)
    return {resize: replace(one, warning=part.warning) for resize, one in done.items()}


def _prepare(image: PIL.ImageFile.ImageFile, resizes: _Sizes, limits: Limits) -> _Sizes:
    """Check the size, and have a JPEG decoded at the reduced size that the first needs.

    Returns those for which that is large enough.
    """
    if not is_shrinkable(image):
        check_pixels(image, limits)
    full = image.size
    first, *others = resizes
    if first is not None:
        image.draft("", (_needed(first),) * 2)
    check_pixels(image, limits)
    if image.size == full:
        return resizes
    return [first, *(one for one in others if one and _needed(one) <= min(image.size))]


def _most_needed(resizes: _Sizes) -> int | None:
    needed = [_needed(resize) for resize in resizes if resize is not None]
    return max(needed) if len(needed) == len(resizes) else None


def _needed(resize: Resize) -> int:
    """The size that the reduced decode of a JPEG must not fall below."""
    return round(_OVERSAMPLING * max(resize.width, resize.height) / resize.keep)


def _finished(
    image: PIL.Image.Image,
    resizes: _Sizes,
    full: tuple[int, int],
    orientation: int,
) -> _Done:
    """8-bit sRGB in the sizes asked for, then upright.

    ``full`` is the size before a reduced decode.
    """
    width, height = full
    if orientation >= 5:
        width, height = height, width
    if width < 1 or height < 1:
        raise UnreadableImage("the image has no pixels")
    srgb = _srgb(image)
    return {
        resize: Decoded(
            np.asarray(upright(srgb(resize and _turned(resize, orientation)), orientation)),
            width,
            height,
        )
        for resize in resizes
    }


def _turned(resize: Resize, orientation: int) -> Resize:
    if orientation < 5:
        return resize
    return replace(resize, width=resize.height, height=resize.width)


def _srgb(image: PIL.Image.Image) -> Callable[[Resize | None], PIL.Image.Image]:
    """8-bit sRGB, to be resized; colors are converted last, when there are fewest pixels."""
    profiled = srgb_conversion(image)
    convert = profiled or (lambda rgb: rgb)
    if image.mode == "CMYK" and profiled is not None:
        return lambda resize: convert(resized(image, resize))
    if image.mode in ("I", "F"):  # expensive to make 8-bit at full size
        return lambda resize: convert(to_rgb(resized(image, resize), image))
    rgb = to_rgb(image)
    return lambda resize: convert(resized(rgb, resize))


def resized(image: PIL.Image.Image, resize: Resize | None) -> PIL.Image.Image:
    """In that size; itself if it has that already, or for ``None``."""
    if resize is None:
        return image
    size = resize.width, resize.height
    if resize.mode == "within":
        scale = min(1, size[0] / image.width, size[1] / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if resize.mode in ("stretch", "within"):
        if image.size == size:
            return image
        if resize.reducing_gap is not None:
            return reduced(image, size, resize.filter, resize.reducing_gap)
        return resampled(image, size, resize.filter)
    # a center crop, in the same step as the scaling
    scale = min(image.width / size[0], image.height / size[1]) * resize.keep
    width, height = size[0] * scale, size[1] * scale
    # never beyond the edge, despite rounding
    left, top = max(0.0, (image.width - width) / 2), max(0.0, (image.height - height) / 2)
    right, bottom = min(image.width, left + width), min(image.height, top + height)
    return resampled(image, size, resize.filter, (left, top, right, bottom))


def _from_array(array: NDArray[np.generic]) -> PIL.Image.Image:
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not is_image or 0 in array.shape:
        raise UnreadableImage(
            f"an array must be uint8 of shape (height, width, 3), not {array.dtype} {array.shape}"
        )
    return PIL.Image.fromarray(array)
