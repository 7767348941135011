"""Limits on bytes and pixels: guards against decompression bombs."""

from __future__ import annotations

from dataclasses import dataclass

import PIL.Image

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

from imagefinder.errors import ImageTooLarge


@dataclass(frozen=True)
class Limits:
    """What a single image may cost."""

    max_bytes: int = 256 * 2**20
    """Of the encoded file."""
    max_pixels: int = 100_000_000
    """Width × height as decoded (a JPEG may shrink while it is decoded)."""


LIMITS = Limits()


def check_bytes(data: bytes, limits: Limits) -> bytes:
    """The data, if there are not too many bytes. Raises ImageTooLarge."""
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"larger than {limits.max_bytes:,} bytes")
    return data


def check_pixels(image: PIL.Image.Image, limits: Limits) -> None:
    """Raises ImageTooLarge if there are too many pixels."""
    width, height = image.size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(f"{width} × {height} pixels are more than {limits.max_pixels:,}")
