"""Traits of an image by which a person chooses the best of its copies, read from its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import PurePath

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.errors import DecoderBusy, ImageError
from imagefinder.images.compression import Compression, compression_of
from imagefinder.images.decode import decode
from imagefinder.images.exif import Exif, exif_of
from imagefinder.images.formats import open_image
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.opened_files import OpenedFile, stored_file
from imagefinder.images.signature import inside_frame, signature_of
from imagefinder.images.stored_files import any_exists
from imagefinder.types import Image, Record, Resize, Signature

Gray = NDArray[np.float32]

_RESIZE = Resize(512, 512, "within")
_SIDES = (512, 362, 256, 181, 128, 91, 64)  # pixels: where sharpness is measured
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_THUMBNAIL = 128
_CLIPPED = 253
_SAME = 10  # gray levels within one plain area, after JPEG
_COPY_NAME = re.compile(
    r"(\(\d+\)|[-_ ](copy|kopie|copie|copia|edited|bearbeitet|small|thumb|resized|\d{2,4}x\d{2,4})"
    r"(\W*\d+)?)$|^(copy of|kopie von|copie de) ",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Traits:
    """What is known of one member of a group of copies."""

    pixels: int
    """Width times height."""
    bytes: int
    path: str = ""
    exists: bool = True
    """Whether it has a file that is not gone, or is an image that was given in memory."""
    modified_ns: int = 0
    format: str = ""
    """As Pillow names it."""
    exif: Exif = field(default_factory=Exif)
    compression: Compression = field(default_factory=Compression)
    appearance: Appearance | None = None
    """None if no file could be read."""

    @property
    def is_named_as_copy(self) -> bool:
        """Whether its name ends as programs name copies: ``image (1).jpg``, ``image copy.jpg``."""
        return is_copy_name(self.path)


@dataclass(frozen=True, eq=False)
class Appearance:
    """What its pixels show, at most 512 on a side."""

    inside: float
    """The share of the area that a plain frame encloses; 1 without one."""
    color: float
    """The average distance from gray, in gray levels."""
    is_tilted: bool
    """Whether plain wedges fill its corners, as after a turn by some degrees."""
    clipped: float
    """The share of pixels whose brightest sample is at its limit."""
    plain: float
    """The share of pixels in plain areas of the most frequent color."""
    contrast: float
    """The range of 98 % of its gray levels."""
    sharpness: Mapping[int, float]
    """The share of high frequencies, by the side in pixels to which it was resized."""
    signature: Signature
    """To see which way around it is."""
    thumbnail: NDArray[np.uint8]
    """Gray, ``(128, 128)``: to see what was drawn over it."""


def is_copy_name(path: str) -> bool:
    """Whether a file is named as programs name copies."""
    return bool(_COPY_NAME.search(PurePath(path).stem))


def traits_of(record: Record, limits: Limits = LIMITS) -> Traits:
    """From the first file that still holds the image's bytes; else from its record alone."""
    exists = not record.files or any_exists(record)
    known = Traits(record.width * record.height, record.size, record.path or "", exists)
    with stored_file(record) as opened:
        if opened is None:
            return known
        try:
            return _read(known, opened, limits.for_stored)
        except (ImageError, DecoderBusy, OSError):
            return known


def _read(known: Traits, opened: OpenedFile, limits: Limits) -> Traits:
    data = opened.stream.read()
    appearance = appearance_of(decode(data, _RESIZE, limits).pixels)
    with open_image(BytesIO(data)) as image:
        exif, kind = exif_of(image), image.format or ""
    return replace(
        known,
        path=opened.file.path,
        modified_ns=opened.file.mtime_ns,
        format=kind,
        exif=exif,
        compression=_compression(data, limits),
        appearance=appearance,
    )


def _compression(data: bytes, limits: Limits) -> Compression:
    try:
        return compression_of(data, limits)
    except Exception:  # a decoder may raise anything; what can be decoded in part has no history
        return Compression()


def appearance_of(pixels: Image) -> Appearance:
    """What is measured on pixels of at most 512 on a side."""
    gray = pixels.astype(np.float32) @ _LUMA
    left, top, right, bottom = inside_frame(gray)
    inner, plane = pixels[top:bottom, left:right], gray[top:bottom, left:right]
    low, high = np.percentile(plane, (1, 99))
    spread = inner.max(axis=2).astype(np.int16) - inner.min(axis=2)
    image = PIL.Image.fromarray(plane)
    return Appearance(
        inside=plane.size / gray.size,
        color=float(spread.mean()),
        is_tilted=_is_tilted(gray),
        clipped=float((inner.max(axis=2) >= _CLIPPED).mean()),
        plain=_plain_share(plane),
        contrast=float(high - low),
        sharpness=_sharpness(image),
        signature=signature_of(pixels),
        thumbnail=_thumbnail(gray),
    )


def _thumbnail(gray: Gray) -> NDArray[np.uint8]:
    image = PIL.Image.fromarray(gray).resize((_THUMBNAIL, _THUMBNAIL), PIL.Image.Resampling.BOX)
    return np.asarray(image).astype(np.uint8)


def _sharpness(image: PIL.Image.Image) -> dict[int, float]:
    """The mean step between neighboring pixels relative to the deviation, at each smaller size."""
    found = {}
    for side in _SIDES:
        scale = side / max(image.size)
        if scale > 1:
            continue
        size = max(3, round(image.width * scale)), max(3, round(image.height * scale))
        plane = np.asarray(image.resize(size, PIL.Image.Resampling.BOX), np.float32)
        steps = np.abs(np.diff(plane, 2, axis=0)).mean() + np.abs(np.diff(plane, 2, axis=1)).mean()
        found[side] = float(steps / (plane.std() + 1))
    return found


def _plain_share(gray: Gray) -> float:
    """The share of blocks of 4 × 4 pixels that are even and have the most frequent gray."""
    rows, columns = gray.shape[0] // 4, gray.shape[1] // 4
    if not rows or not columns:
        return 0.0
    cut = gray[: 4 * rows, : 4 * columns].reshape(rows, 4, columns, 4)
    blocks = cut.swapaxes(1, 2).reshape(-1, 16)
    means = blocks.mean(axis=1)[np.ptp(blocks, axis=1) <= 4]
    counts = np.bincount(means.astype(np.intp), minlength=256)
    return float(np.convolve(counts, np.ones(5)).max() / len(blocks))


def _is_tilted(gray: Gray) -> bool:
    """Whether at least three corners are wedges of one color."""
    corners = [gray, gray[:, ::-1], gray[::-1], gray[::-1, ::-1]]
    wedges = [corner[0, 0] for corner in corners if _is_wedge(corner)]
    return len(wedges) >= 3 and float(np.ptp(wedges)) <= _SAME


def _is_wedge(gray: Gray) -> bool:
    """Whether a triangle at the upper left has one color, and what lies beyond has others."""
    same = np.abs(gray - gray[0, 0]) <= _SAME
    across, down = _run(same[0]), _run(same[:, 0])
    if min(across, down) < 4 or across >= len(same[0]) or down >= len(same):
        return False
    places = [(y, x) for y, x in _INSIDE if same[int(y * down), int(x * across)]]
    beyond = [(y, x) for y, x in _BEYOND if same[int(y * down), int(x * across)]]
    return len(places) == len(_INSIDE) and len(beyond) <= 1


def _run(same: NDArray[np.bool_]) -> int:
    """How many are true before the first that is false."""
    return len(same) if same.all() else int(same.argmin())


_INSIDE = ((0.2, 0.2), (0.4, 0.4), (0.1, 0.7), (0.7, 0.1))
_BEYOND = ((0.7, 0.7), (0.4, 0.9), (0.9, 0.4))
"""Points of a triangle and of the other half of its rectangle, as shares of its legs."""
