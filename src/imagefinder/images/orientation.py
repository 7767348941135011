"""EXIF orientation: how a stored image is turned upright."""

from __future__ import annotations

import PIL.Image

_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def orientation_of(image: PIL.Image.Image) -> int:
    """The EXIF orientation, 1 to 8. Call it after ``load``: PNG and TIFF have it only then."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF must not cost the image
        return 1
    return orientation if orientation in _TRANSPOSE else 1


def kept(image: PIL.Image.Image) -> PIL.Image.Image:
    """A copy that does not need the file any more and still has its orientation."""
    copy = image.copy()
    copy.getexif()[_ORIENTATION] = orientation_of(image)
    return copy


def upright(image: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """The image turned as its orientation says."""
    return image if orientation == 1 else image.transpose(_TRANSPOSE[orientation])
