"""Twelve things that happen to copies of a picture; a good encoder knows the original again."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Copy = Callable[[Image.Image], Image.Image]


def _jpeg(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


def _quarter_size(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.resize((max(1, width // 4), max(1, height // 4)), Image.Resampling.BICUBIC)


def _crop(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    left, top = round(width * 0.15), round(height * 0.15)
    return picture.crop((left, top, width - left, height - top))


def _overlay(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    draw.rectangle((0, height * 0.7, width, height * 0.85), fill="white")
    draw.text(
        (width * 0.05, height * 0.72),
        "SPECIAL OFFER",
        fill="red",
        font_size=max(6.0, height * 0.09),
    )
    return picture


def _border(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return ImageOps.expand(picture, (round(width * 0.2), round(height * 0.2)), "white")


COPIES: dict[str, Copy] = {
    "JPEG 20": _jpeg,
    "quarter size": _quarter_size,
    "70 % crop": _crop,
    "rotated 10°": lambda picture: picture.rotate(10, Image.Resampling.BICUBIC),
    "mirrored": ImageOps.mirror,
    "brightness 1.5": lambda picture: ImageEnhance.Brightness(picture).enhance(1.5),
    "contrast 0.6": lambda picture: ImageEnhance.Contrast(picture).enhance(0.6),
    "blur 3": lambda picture: picture.filter(ImageFilter.GaussianBlur(3)),
    "overlay with text": _overlay,
    "border of 20 %": _border,
    "grey": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
    "rotated 90°": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
}
