"""Resampling: antialiased scaling as Pillow's, several times as fast by SIMD instructions.

The library (``cykooz_resizer``, over the Rust crate ``fast_image_resize``) computes the same
convolution. Its pixels differ from Pillow's by one level at most with the bilinear filter, and by
a few more where the bicubic filter overshoots. Lanczos stays Pillow's, because bits of perceptual
hashes would differ; and so does the box filter, which here weighs other pixels at the edges.
"""

from __future__ import annotations

import threading
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import PIL.Image

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""

_FILTERS = {"bilinear": "bilinear", "bicubic": "catmull_rom"}
# it reads the pixels where Pillow keeps them, which it knows of these versions
_PILLOWS = (11, 12, 13)
_local = threading.local()


def resampled(
    image: PIL.Image.Image, size: tuple[int, int], filter_: str, box: Box | None = None
) -> PIL.Image.Image:
    """The whole image, or a box of it, in that size."""
    library = _library()
    if library is None or image.mode != "RGB" or filter_ not in _FILTERS or 0 in image.size:
        return image.resize(size, PIL.Image.Resampling[filter_.upper()], box)
    left, top, right, bottom = box or (0, 0, *image.size)
    options = library.ResizeOptions(
        library.ResizeAlg.convolution(library.FilterType[_FILTERS[filter_]]),
        crop_box=library.CropBox(left, top, right - left, bottom - top),
    )
    target = PIL.Image.new("RGB", size)
    _resizer(library).resize_pil(image, target, options)
    return target


def reduced(
    image: PIL.Image.Image, size: tuple[int, int], filter_: str, gap: float
) -> PIL.Image.Image:
    """In that size, by whole factors first, to no less than ``gap`` times the size."""
    across, down = (
        int(full / wanted / gap) or 1 for full, wanted in zip(image.size, size, strict=True)
    )
    if across == down == 1:
        return resampled(image, size, filter_)
    box = (0, 0, image.width / across, image.height / down)
    return resampled(image.reduce((across, down)), size, filter_, box)


@cache
def _library() -> ModuleType | None:
    """None on a platform for which it is not made, or beside an unknown version of Pillow."""
    if int(PIL.__version__.partition(".")[0]) not in _PILLOWS:
        return None
    try:
        import cykooz_resizer
    except ImportError:
        return None
    module: ModuleType = cykooz_resizer
    return module


def _resizer(library: ModuleType) -> Any:
    """One for each thread, since it has buffers of its own."""
    if not hasattr(_local, "resizer"):
        _local.resizer = library.Resizer()
    return _local.resizer
