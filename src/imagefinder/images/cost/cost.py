"""Cost: the memory and the time that decoding an image takes at most."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cost:
    """An estimate from the header and the structure of a file; no pixel is decoded for it."""

    memory: int = 0
    """Bytes at the peak, beside those of the file."""
    seconds: float = 0.0
    """On one core of an ordinary computer."""
    is_reliable: bool = True
    """Whether a decoder cannot take more than that; else it should run where it can be ended."""
    reason: str = ""
    """What takes so long, if it is not the number of pixels."""

    def plus(self, seconds: float = 0.0, memory: float = 0.0, reason: str = "") -> Cost:
        """More; the reason is kept if this is most of the time."""
        return replace(
            self,
            memory=self.memory + round(memory),
            seconds=self.seconds + seconds,
            reason=reason if seconds > self.seconds else self.reason,
        )


def of_pixels(width: int, height: int, memory: float, speed: float) -> Cost:
    """The cost of ``memory`` bytes a pixel, at ``speed`` megapixels a second."""
    pixels = width * height
    return Cost(round(pixels * memory), pixels / (speed * 1e6), reason=f"{width} × {height} pixels")


def of_exif(size: int) -> Cost:
    """Of EXIF data of this size, which may be nothing but fractions, each of them an object."""
    return Cost(40 * size, size * 6e-7, reason=f"{size:,} bytes of EXIF data")
