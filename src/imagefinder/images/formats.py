"""Image formats: an allowlist, detection by content, and probing of the header.

Images are untrusted, so the format is detected from the content and must be on an allowlist (no
decoder on it starts another program).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import PIL.Image

# importing these registers just the accepted formats; Image.init() would load all
from PIL import (
    AvifImagePlugin,  # noqa: F401  registers AVIF
    BmpImagePlugin,  # noqa: F401  registers BMP and DIB
    GifImagePlugin,  # noqa: F401  registers GIF
    JpegImagePlugin,  # noqa: F401  registers JPEG, and MPO (a JPEG with more behind it)
    PngImagePlugin,  # noqa: F401  registers PNG
    TiffImagePlugin,  # noqa: F401  registers TIFF
    WebPImagePlugin,  # noqa: F401  registers WebP
)

from imagefinder._utils.text import one_line
from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images.limits import LIMITS, Limits, check_pixels

ACCEPTED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF")
SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .bmp .dib .tif .tiff"
    " .avif .avifs .heic .heics .heif .heifs .hif".split()
)
_SUFFIX_OF = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "DIB": ".dib",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "HEIF": ".heic",
}
_SIGNATURES = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG"),
    ("WebP", 8, b"WEBP"),
    ("GIF", 0, b"GIF8"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("AVIF", 4, b"ftypavi"),
    ("HEIC", 4, b"ftyphe"),
)
HEIF_BRANDS = frozenset(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1".split())


@dataclass(frozen=True)
class ImageHeader:
    """Format and size of an image, from the header of its file."""

    suffix: str
    """The usual file name suffix of the format."""
    width: int
    height: int
    """Both as stored, before EXIF orientation."""


def probe(file: BinaryIO, limits: Limits = LIMITS) -> ImageHeader:
    """Format and size of an image, from its header; no pixel is decoded.

    Raises UnreadableImage or ImageTooLarge.
    """
    try:
        with open_image(file) as image:
            if not is_shrinkable(image):
                check_pixels(image, limits)
            return ImageHeader(_SUFFIX_OF[image.format or ""], image.width, image.height)
    except (UnreadableImage, ImageTooLarge):
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"too many pixels: {error}") from error
    except Exception as error:  # as in decode
        raise UnreadableImage(f"damaged or not supported: {one_line(error)}") from error


def is_shrinkable(image: PIL.Image.Image) -> bool:
    """Whether it can be decoded at a reduced size: a JPEG, unless it is progressive."""
    return image.format in ("JPEG", "MPO") and not image.info.get("progressive")


def open_image(file: BinaryIO) -> PIL.ImageFile.ImageFile:
    """Open a file with one of the accepted decoders. Raises UnreadableImage."""
    header = file.read(12)
    file.seek(0)
    if not header:
        raise UnreadableImage("the file is empty")
    try:
        return PIL.Image.open(file, formats=[*ACCEPTED, *_heif(header)])
    except OSError as error:
        kind = _signature(header)
        if kind:
            raise UnreadableImage(
                f"begins as {kind}, but is truncated, damaged or of an unusual kind: "
                "get the file again, or convert it"
            ) from error
        if not isinstance(error, PIL.UnidentifiedImageError):
            raise
        formats = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC"
        raise UnreadableImage(f"not an image in a supported format ({formats})") from error


def _signature(header: bytes) -> str:
    """The format that a file seems to have by its first bytes; empty if none."""
    kinds = (name for name, at, first in _SIGNATURES if header[at:].startswith(first))
    return next(kinds, "")


def _heif(header: bytes) -> list[str]:
    if header[4:8] != b"ftyp" or header[8:12] not in HEIF_BRANDS:
        return []
    import pillow_heif  # slow to import, seldom needed

    pillow_heif.register_heif_opener()
    return ["HEIF"]
