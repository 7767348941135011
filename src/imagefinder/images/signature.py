"""The signature of an image: a small square of its brightness and colors, to compare pixels by.

A plain frame does not belong to the signature, nor do the proportions: the square shows what the
frame encloses, stretched. See ``ncc`` for the comparison.
"""

from __future__ import annotations

import math
import struct
from functools import partial

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.images.decode import Source, decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.stored_files import first_readable
from imagefinder.types import Image, Record, Resize, Signature

FINE = 64
"""The side of the square of brightness."""
CHROMA = 16
"""The side of the squares of Cb and Cr."""
SIGNATURE_RESIZE = Resize(2 * FINE, 2 * FINE, reducing_gap=1.5)
"""The size of the pixels that ``signature_of`` expects; others are resized to it."""

_STRUCTURE = 6.0  # gray levels: the standard deviation around a pixel that is not plain
_WINDOW = 5  # pixels: the side of the square around a pixel
_SAME_GRAY = 2  # gray levels that noise moves a plain area by
_FRAME = 10  # gray levels that a row of a plain frame may vary by
# ITU-R 601, as Pillow converts to grayscale: luma, Cb and Cr of red, green and blue
_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)

_HEADER = struct.Struct("<Bdd")  # format, content, plain
_FORMAT = 1
_PIXELS = FINE * FINE
_PACKED = _HEADER.size + _PIXELS + 2 * CHROMA * CHROMA


def ncc_signature(source: Source, limits: Limits = LIMITS) -> Signature:
    """The signature of an image. Raises ImageError."""
    return signature_of(decode(source, SIGNATURE_RESIZE, limits).pixels)


def stored_signature(record: Record, limits: Limits = LIMITS) -> Signature | None:
    """The signature of a stored image, or None if none of its files can be read."""
    return first_readable(record, partial(ncc_signature, limits=limits.for_stored))


def signature_of(pixels: Image) -> Signature:
    """The signature of an image in the size of ``SIGNATURE_RESIZE``, or in any other."""
    size = SIGNATURE_RESIZE.width, SIGNATURE_RESIZE.height
    if pixels.shape[:2] != size[::-1]:
        image = PIL.Image.fromarray(pixels).resize(size, PIL.Image.Resampling.BOX)
        pixels = np.asarray(image)
    gray, *chroma = np.tensordot(_YCBCR, pixels.astype(np.float32), (1, 2))
    box = inside_frame(gray)
    left, top, right, bottom = box
    return Signature(
        _to_int8(_scaled(gray, box, FINE) - 128),
        np.stack([_to_int8(_scaled(plane, box, CHROMA)) for plane in chroma]),
        _content(gray),
        _plain_share(gray[top:bottom, left:right]),
    )


def inside_frame(gray: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """What a plain frame encloses: left, top, right and bottom."""
    top, bottom = _not_plain(gray)
    left, right = _not_plain(gray.T)
    return left, top, right, bottom


def pack(signature: Signature) -> bytes:
    """A signature as 4,625 bytes: format, content and plain share, brightness, Cb and Cr."""
    header = _HEADER.pack(_FORMAT, signature.content, signature.plain)
    return header + signature.pattern.tobytes() + signature.chroma.tobytes()


def unpack(packed: bytes) -> Signature:
    """A signature that was packed. Raises ValueError for anything else."""
    if len(packed) != _PACKED:
        raise ValueError(f"a packed signature has {_PACKED} bytes, not {len(packed)}")
    format_, *shares = _HEADER.unpack_from(packed)
    if format_ != _FORMAT:
        raise ValueError(f"the format of this signature is {format_}; {_FORMAT} is known here")
    if not all(math.isfinite(share) and 0 <= share <= 1 for share in shares):
        raise ValueError(f"shares of an image lie between 0 and 1, not {shares}")
    values = np.frombuffer(packed, np.int8, offset=_HEADER.size)
    return Signature(
        values[:_PIXELS].reshape(FINE, FINE),
        values[_PIXELS:].reshape(2, CHROMA, CHROMA),
        *shares,
    )


def _not_plain(gray: NDArray[np.float32]) -> tuple[int, int]:
    """The first row that is not plain, and the row after the last one."""
    rows = np.flatnonzero(np.ptp(gray, axis=1) > _FRAME)
    return (int(rows[0]), int(rows[-1]) + 1) if rows.size else (0, len(gray))


def _plain_share(gray: NDArray[np.float32]) -> float:
    counts = np.bincount(gray.astype(np.intp).ravel(), minlength=256)
    return float(np.convolve(counts, np.ones(2 * _SAME_GRAY + 1)).max() / gray.size)


def _scaled(
    plane: NDArray[np.float32], box: tuple[int, int, int, int], side: int
) -> NDArray[np.float32]:
    """A part of a plane as a square."""
    image = PIL.Image.fromarray(plane).resize((side, side), PIL.Image.Resampling.BOX, box)
    return np.asarray(image, np.float32)


def _to_int8(values: NDArray[np.float32]) -> NDArray[np.int8]:
    return np.rint(values).clip(-128, 127).astype(np.int8)


def _content(gray: NDArray[np.float32]) -> float:
    """The share of pixels around which the standard deviation in a window is that of structure."""
    sums = _window_sums(gray - gray.mean())
    sums /= np.float32(_WINDOW**2)
    mean, squares = sums
    is_structure = squares - mean**2 > _STRUCTURE**2
    return float(np.count_nonzero(is_structure) / is_structure.size)


def _window_sums(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sums of the values, and of their squares, in the window around each pixel."""
    height, width = plane.shape
    around = _reflected(plane)
    columns = around[:, :height] + around[:, 1 : height + 1]
    for start in range(2, _WINDOW):
        columns += around[:, start : start + height]
    sums = columns[:, :, :width] + columns[:, :, 1 : width + 1]
    for start in range(2, _WINDOW):
        sums += columns[:, :, start : start + width]
    return np.asarray(sums)


def _reflected(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values and their squares, reflected at the edges, faster than by ``np.pad``."""
    more = _WINDOW // 2
    padded = np.empty((2, *(side + 2 * more for side in plane.shape)), np.float32)
    values, squares = padded[:, more:-more, more:-more]
    values[:] = plane
    np.multiply(plane, plane, out=squares)
    for around in (padded[:, :, more:-more], padded.swapaxes(1, 2)):
        around[:, :more] = around[:, 2 * more : more : -1]
        around[:, -more:] = around[:, -more - 2 : -2 * more - 2 : -1]
    return padded
