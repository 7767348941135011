"""Limits on bytes, pixels, memory and time: a guard against the decompression bomb."""

from __future__ import annotations

from dataclasses import dataclass, replace

import PIL.Image

from imagefinder.errors import ImageTooLarge
from imagefinder.images.cost.cost import Cost


@dataclass(frozen=True)
class Limits:
    """The largest image that is decoded."""

    max_bytes: int = 256 * 2**20
    """Of the encoded file."""
    max_pixels: int = 178_000_000
    """Width × height as decoded (a JPEG may shrink while it is decoded)."""
    max_memory: int = 4 * 2**30
    """Bytes that decoding may take at its peak."""
    max_seconds: float = 120.0
    """For decoding, once it is this image's turn."""
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


def check_cost(cost: Cost, limits: Limits) -> None:
    """Raises ImageTooLarge for what would take too much memory or time to decode."""
    if cost.seconds > limits.max_seconds:
        raise ImageTooLarge(f"would take too long to decode: {cost.reason}")
    if cost.memory > limits.max_memory:
        needed, most = (f"{size / 1e6:,.0f} MB" for size in (cost.memory, limits.max_memory))
        raise ImageTooLarge(
            f"would take about {needed} of memory to decode, more than {most}: make it smaller"
        )
