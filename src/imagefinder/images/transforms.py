"""Image transformations, each of a given strength, and the twelve by which copies are tested."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Transform: TypeAlias = Callable[[Image.Image], Image.Image]
Color: TypeAlias = str | tuple[int, int, int]

mirror: Transform = ImageOps.mirror


def grayscale(image: Image.Image) -> Image.Image:
    """Luminance alone, still RGB."""
    return image.convert("L").convert("RGB")


def brightness(image: Image.Image, factor: float) -> Image.Image:
    """1 changes nothing, 0 is black."""
    return ImageEnhance.Brightness(image).enhance(factor)


def contrast(image: Image.Image, factor: float) -> Image.Image:
    """1 changes nothing, 0 is gray."""
    return ImageEnhance.Contrast(image).enhance(factor)


def saturation(image: Image.Image, factor: float) -> Image.Image:
    """1 changes nothing, 0 is grayscale."""
    return ImageEnhance.Color(image).enhance(factor)


def blur(image: Image.Image, radius: float) -> Image.Image:
    """Gaussian, with a standard deviation of ``radius`` pixels."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Compressed as JPEG and decoded again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def rotate(
    image: Image.Image,
    degrees: float,
    fill: Color = "black",
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """Counterclockwise within the same frame; ``fill`` shows in the corners."""
    return image.rotate(degrees, resample, fillcolor=fill)


def crop(image: Image.Image, left: int, top: int, width: int, height: int) -> Image.Image:
    """A rectangle in pixels."""
    return image.crop((left, top, left + width, top + height))


def pad(
    image: Image.Image, margins: tuple[float, float, float, float], color: Color
) -> Image.Image:
    """A border: left, top, right and bottom in pixels."""
    left, top, right, bottom = margins
    size = round(image.width + left + right), round(image.height + top + bottom)
    padded = Image.new("RGB", size, color)
    padded.paste(image, (round(left), round(top)))
    return padded


@dataclass(frozen=True)
class Overlay:
    """A line of text, and a box behind it if ``fill`` is given; all in pixels."""

    box: tuple[float, float, float, float]
    """Left, top, right and bottom."""
    fill: Color | None
    text: str
    text_at: tuple[float, float]
    color: Color
    font_size: float


def overlay(image: Image.Image, *overlays: Overlay) -> Image.Image:
    """Drawn over a copy of the image, in order."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    for one in overlays:
        if one.fill is not None:
            draw.rectangle(one.box, fill=one.fill)
        draw.text(one.text_at, one.text, fill=one.color, font_size=one.font_size)
    return image


def _quarter_size(image: Image.Image) -> Image.Image:
    width, height = (max(1, side // 4) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _center_crop(image: Image.Image) -> Image.Image:
    left, top = (round(side * 0.15) for side in image.size)
    return crop(image, left, top, image.width - 2 * left, image.height - 2 * top)


def _with_banner(image: Image.Image) -> Image.Image:
    width, height = image.size
    banner = Overlay(
        box=(0, height * 0.7, width, height * 0.85),
        fill="white",
        text="SPECIAL OFFER",
        text_at=(width * 0.05, height * 0.72),
        color="red",
        font_size=max(6.0, height * 0.09),
    )
    return overlay(image, banner)


def _with_border(image: Image.Image) -> Image.Image:
    across, down = (round(side * 0.2) for side in image.size)
    return pad(image, (across, down, across, down), "white")


COPIES: dict[str, Transform] = {
    "JPEG 20": lambda image: jpeg(image, 20),
    "quarter size": _quarter_size,
    "70 % crop": _center_crop,
    "rotated 10°": lambda image: rotate(image, 10),
    "mirrored": mirror,
    "brightness 1.5": lambda image: brightness(image, 1.5),
    "contrast 0.6": lambda image: contrast(image, 0.6),
    "blur 3": lambda image: blur(image, 3),
    "overlay with text": _with_banner,
    "border of 20 %": _with_border,
    "grayscale": grayscale,
    "rotated 90°": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}
"""By name: near-duplicates of any image, which a good encoder finds next to their original."""
