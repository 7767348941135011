"""Truncated and damaged images: the part of one that can be decoded.

Pillow can be told to fill what is missing, but only for the whole process, and what it fills cannot
be told from what was there. So the image is decoded twice, over two grounds or with two endings:
where the results agree, the pixels come from the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from zlib import crc32

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray

from imagefinder.errors import ImageError, UnreadableImage
from imagefinder.images.formats import open_image
from imagefinder.images.orientation import kept, orientation_of
from imagefinder.images.truncated_jpeg import SOI, Coding, coding_of, endings

Prepare = Callable[[PIL.ImageFile.ImageFile], None]
"""What is done to an image that is open, before it is loaded; raises ImageError."""

_REMEDY = "get the file again"
_LEAST = 0.25  # of the rows: a narrower strip says little about the image
_INTERLACE = (2, 4, 8)
_SLAB = 256  # rows
_NOISE = b"\x5a\xa6"
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 2**16
_VP8 = b"VP8 ", b"VP8L"  # lossy and lossless
_LOSSLESS_CUT = 64
_FILLER, _TILE = 128, 64  # gray level, pixels
_ISO_HEADER = 8
_MOST_BOXES = 64  # of an AVIF or HEIC file; usual ones have three or four


@dataclass(frozen=True)
class DecodedPart:
    """The rows that are there, and what is missing."""

    image: PIL.Image.Image
    orientation: int
    warning: str


def decodable_part(data: bytes, prepare: Prepare) -> DecodedPart | None:
    """What can be decoded of an image that cannot be decoded in full; None if that is nothing.

    Raises UnreadableImage if it is too little to compare, and ImageError as ``prepare`` does.
    """
    complete = _without_end(data, prepare) if data.startswith(SOI) else None
    if complete is not None:
        return complete
    one, other = (_loaded(_variants(data, level), prepare, level) for level in (0, 255))
    if one is None or other is None or one.size != other.size:
        if _length(data) > len(data):
            raise UnreadableImage(f"truncated: too little of it is there; {_REMEDY}")
        return None
    same = np.concatenate(list(_same_rows(one, other)))
    start, stop, step = _longest(same)
    if _missing(data):  # beyond the first difference, two guesses may agree
        same &= np.concatenate(list(_rows_without_filler(one, data)))
        stop = int(np.argmin([*same, False]))
        # the last row may have been smoothed with one that is guessed
        start, stop, step = 0, stop if stop == len(same) else max(0, stop - 1), 1
    share = (stop - start) / len(same)
    if not share:
        return None
    if share < _LEAST:
        raise UnreadableImage(
            f"truncated or damaged: only {share:.0%} of it can be decoded; {_REMEDY}"
        )
    rows = _rows(one, start, stop, step)
    return DecodedPart(rows, orientation_of(one), _warning(share, step))


def _without_end(data: bytes, prepare: Prepare) -> DecodedPart | None:
    """A JPEG that lacks nothing but its end mark, or finer details."""
    ended = endings(data)
    if ended is None:
        return None
    one, other = (_loaded([ended[n]], prepare, level) for n, level in enumerate((0, 255)))
    if one is None or other is None or not all(map(np.all, _same_rows(one, other))):
        return None
    missing = "finer details are" if coding_of(data) is Coding.REFINED else "its end is"
    return DecodedPart(one, orientation_of(one), f"truncated: {missing} missing")


def _loaded(variants: Iterable[bytes], prepare: Prepare, level: int) -> PIL.Image.Image | None:
    """The first variant that decodes; what cannot be loaded of it depends on the level."""
    for variant in variants:
        try:
            with open_image(BytesIO(variant)) as image:
                prepare(image)
                return _loaded_over(image, level)
        except UnreadableImage:
            continue
        except ImageError:
            raise
        except Exception:  # noqa: S112  a decoder may raise anything for malicious bytes
            continue
    return None


def _loaded_over(image: PIL.ImageFile.ImageFile, level: int) -> PIL.Image.Image:
    """Loaded over pixels of one level, which remain where the decoder writes nothing.

    A copy, because a TIFF that is to be turned has its final size before it is turned. Raises
    OSError if there are no pixels.
    """
    bands = len(image.getbands())
    ink = level if bands == 1 else (level,) * bands
    allocate = image.load_prepare

    def filled() -> None:
        allocate()
        image.im.paste(ink, (0, 0, *image.im.size))

    vars(image)["load_prepare"] = filled
    with suppress(Exception):
        image.load()
    image.tile = []  # no further attempt
    return kept(image)


def _variants(data: bytes, level: int) -> Iterator[bytes]:
    """The data, with an ending that depends on the level where a decoder takes all or nothing.

    WebP, AVIF and HEIC decoders do, and they do not take every ending.
    """
    if missing := _missing(data):
        for cut in (0, len(data) // 64, len(data) // 16):
            yield _extended(data[: len(data) - cut], missing + cut, level)
    elif data.startswith(_PNG):
        yield data[: _intact(data)]
    else:
        yield data


def _extended(data: bytes, missing: int, level: int) -> bytes:
    """With a made-up end."""
    if data[4:8] == b"ftyp":
        return data + bytes([level]) * missing
    place = next((at + 4 for kind in _VP8 if (at := data.find(kind, 12)) > 0), len(data))
    if data[place - 1 : place] == b"L":  # the compressed data can end in nothing but zeros
        noise, data = b"\0\0", data[: len(data) - (_LOSSLESS_CUT if level else 0)]
    else:
        noise = _NOISE if level else b"\0\0"
    # longer than it was, or the noise would be used up before the last pixel
    data += noise * (len(data) + missing)
    data = data[: len(data) // 2 * 2]
    sizes = (len(data) - place - 4).to_bytes(4, "little"), (len(data) - 8).to_bytes(4, "little")
    return data[:4] + sizes[1] + data[8:place] + sizes[0] + data[place + 4 :]


def _intact(data: bytes) -> int:
    """Where the first chunk of a PNG begins whose checksum is wrong, which Pillow does not check.

    A decoder notices damage only some rows later.
    """
    place = len(_PNG)
    for _ in range(_MOST_CHUNKS):
        size = int.from_bytes(data[place : place + 4], "big")
        kind_and_content, end = data[place + 4 : place + 8 + size], place + 12 + size
        stored = data[end - 4 : end]
        if len(stored) == 4 and crc32(kind_and_content) != int.from_bytes(stored, "big"):
            return place
        if len(stored) < 4:
            break
        place = end
    return len(data)


def _missing(data: bytes) -> int:
    """How many bytes a WebP, AVIF or HEIC file lacks; 0 if most of it is missing."""
    missing = _length(data) - len(data)
    return missing if 0 < missing < (1 / _LEAST - 1) * len(data) else 0


def _length(data: bytes) -> int:
    """The bytes that a WebP, AVIF or HEIC file should have; 0 for others."""
    if data[:4] == b"RIFF":
        return int.from_bytes(data[4:8], "little") + 8
    if data[4:8] != b"ftyp":
        return 0
    end = 0
    for _ in range(_MOST_BOXES):
        size = int.from_bytes(data[end : end + 4], "big")
        if size < _ISO_HEADER:
            break
        end += size
    return end


def _same_rows(one: PIL.Image.Image, other: PIL.Image.Image) -> Iterator[NDArray[np.bool_]]:
    """Which rows agree, some at a time: large images are compared in little memory."""
    for top in range(0, one.height, _SLAB):
        box = (0, top, one.width, min(top + _SLAB, one.height))
        pixels, others = np.asarray(one.crop(box)), np.asarray(other.crop(box))
        yield (pixels == others).reshape(len(pixels), -1).all(axis=1)


def _rows_without_filler(image: PIL.Image.Image, data: bytes) -> Iterator[NDArray[np.bool_]]:
    """Tiles of an AVIF or HEIC image of which nothing is there are gray."""
    for top in range(0, image.height, _SLAB):
        pixels = np.asarray(image.crop((0, top, image.width, min(top + _SLAB, image.height))))
        filled = (pixels.reshape(*pixels.shape[:2], -1) == _FILLER).all(axis=2).sum(axis=1)
        yield (filled < _TILE) | (data[4:8] != b"ftyp")


def _longest(same: NDArray[np.bool_]) -> tuple[int, int, int]:
    """The longest run of complete rows: the first, the row after the last, and the step.

    Of an interlaced image every other row, or every fourth, may be there much further.
    """
    best = *_run(same), 1
    for step in _INTERLACE:
        start, stop = _run(same[::step])
        if best[1] - best[0] < _LEAST * len(same) < (stop - start - 1) * step:
            best = start * step, min(stop * step, len(same)), step
    return best


def _run(same: NDArray[np.bool_]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(same, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest])


def _rows(image: PIL.Image.Image, start: int, stop: int, step: int) -> PIL.Image.Image:
    if step == 1:
        return image.crop((0, start, image.width, stop))
    # half a step higher, for the nearest row is that in the middle of a step
    half = step // 2
    part = image.crop((0, start - half, image.width, stop - half))
    kept = part.resize((part.width, part.height // step), PIL.Image.Resampling.NEAREST)
    return kept.resize(part.size, PIL.Image.Resampling.NEAREST)


def _warning(share: float, step: int) -> str:
    if share < 1:
        return f"truncated or damaged: {share:.0%} of it could be decoded"
    missing = "its end is" if step == 1 else "finer details are"
    return f"truncated: {missing} missing"
