"""Twelve things that happen to copies of an image; a good encoder knows the original again."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Copy = Callable[[Image.Image], Image.Image]


def _jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


def _quarter_size(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.resize((max(1, width // 4), max(1, height // 4)), Image.Resampling.BICUBIC)


def _crop(image: Image.Image) -> Image.Image:
    width, height = image.size
    left, top = round(width * 0.15), round(height * 0.15)
    return image.crop((left, top, width - left, height - top))


def _overlay(image: Image.Image) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    width, height = image.size
    draw.rectangle((0, height * 0.7, width, height * 0.85), fill="white")
    draw.text(
        (width * 0.05, height * 0.72),
        "SPECIAL OFFER",
        fill="red",
        font_size=max(6.0, height * 0.09),
    )
    return image


def _border(image: Image.Image) -> Image.Image:
    width, height = image.size
    return ImageOps.expand(image, (round(width * 0.2), round(height * 0.2)), "white")


COPIES: dict[str, Copy] = {
    "JPEG 20": _jpeg,
    "quarter size": _quarter_size,
    "70 % crop": _crop,
    "rotated 10°": lambda image: image.rotate(10, Image.Resampling.BICUBIC),
    "mirrored": ImageOps.mirror,
    "brightness 1.5": lambda image: ImageEnhance.Brightness(image).enhance(1.5),
    "contrast 0.6": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "blur 3": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "overlay with text": _overlay,
    "border of 20 %": _border,
    "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "rotated 90°": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}
