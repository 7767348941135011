"""Limits on bytes and pixels: a guard against the decompression bomb."""

from __future__ import annotations

from dataclasses import dataclass, replace

import PIL.Image

from imagefinder.errors import ImageTooLarge


@dataclass(frozen=True)
class Limits:
    """The largest image that is decoded."""

    max_bytes: int = 256 * 2**20
    """Of the encoded file."""
    max_pixels: int = 100_000_000
    """Width × height as decoded (a JPEG may shrink while it is decoded)."""
    allow_truncated: bool = True
    """Whether the part that is there of a truncated or damaged image is taken, with a warning."""

    @property
    def for_stored(self) -> Limits:
        """For images that are in a catalogue already, whole or not."""
        return replace(self, allow_truncated=True)


LIMITS = Limits()


def check_bytes(data: bytes, limits: Limits) -> bytes:
    """The data, unless there are too many bytes. Raises ImageTooLarge."""
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"larger than {limits.max_bytes:,} bytes")
    return data


def check_pixels(image: PIL.Image.Image, limits: Limits) -> None:
    """Raises ImageTooLarge for too many pixels: a decompression bomb, or simply a large image."""
    width, height = image.size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(f"{width} × {height} pixels are more than {limits.max_pixels:,}")
