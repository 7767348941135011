"""What happens to images on their way through the world, drawn from a generator."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Pixels: TypeAlias = NDArray[np.uint8]
"""Views, ``(…, height, width, 3)``."""

Change: TypeAlias = Callable[[Image.Image, Generator], Image.Image]


def mirror(image: Image.Image, _: Generator) -> Image.Image:
    """Left for right."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def turn(image: Image.Image, rng: Generator) -> Image.Image:
    """By one, two or three quarters; the halves are the rarest in the world."""
    turns = (
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_180,
    )
    return image.transpose(turns[rng.choice(3, p=(0.4, 0.4, 0.2))])


def tilt(image: Image.Image, rng: Generator) -> Image.Image:
    """By up to 15 degrees; the corners are filled with one colour."""
    return image.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR, fillcolor=_colour(rng))


def light(image: Image.Image, rng: Generator) -> Image.Image:
    """Brightness, contrast and colour, each by up to a factor of 1.7."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = kind(image).enhance(float(np.exp(rng.uniform(-0.53, 0.53))))
    return image


def exposure(image: Image.Image, rng: Generator) -> Image.Image:
    """Brightness and contrast, each by up to a factor of 1.4; colours stay what they are."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast):
        image = kind(image).enhance(float(np.exp(rng.uniform(-0.34, 0.34))))
    return image


def grey(image: Image.Image, _: Generator) -> Image.Image:
    """Without colour."""
    return image.convert("L").convert("RGB")


def blur(image: Image.Image, rng: Generator) -> Image.Image:
    """By up to about a hundredth of the side."""
    side = min(image.size)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.002, 0.014) * side))


def shrink(image: Image.Image, rng: Generator) -> Image.Image:
    """To a half to an eighth of its sides, so that details are lost."""
    factor = rng.uniform(2, 8)
    width, height = (max(8, round(side / factor)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def compress(image: Image.Image, rng: Generator) -> Image.Image:
    """As a JPEG of quality 8 to 50."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(8, 50)))
    return Image.open(buffer).convert("RGB")


def window(image: Image.Image, rng: Generator) -> Image.Image:
    """A part with 60 to 95 % of either side."""
    width, height = image.size
    wide, high = (round(side * rng.uniform(0.6, 0.95)) for side in (width, height))
    left, top = int(rng.integers(0, width - wide + 1)), int(rng.integers(0, height - high + 1))
    return image.crop((left, top, left + wide, top + high))


def border(image: Image.Image, rng: Generator) -> Image.Image:
    """A frame of one colour, each of its sides up to a quarter of the image's."""
    width, height = image.size
    left, right = rng.uniform(0, 0.25, 2) * width
    top, bottom = rng.uniform(0, 0.25, 2) * height
    if rng.random() < 0.4:  # the same all around
        left = right = top = bottom = rng.uniform(0.05, 0.25) * min(width, height)
    framed = Image.new(
        "RGB", (round(width + left + right), round(height + top + bottom)), _colour(rng)
    )
    framed.paste(image, (round(left), round(top)))
    return framed


def overlay(image: Image.Image, rng: Generator) -> Image.Image:
    """One to three bands or boxes, with words on them or without."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(rng.integers(1, 4)):
        wide, high = width * rng.uniform(0.2, 1), height * rng.uniform(0.05, 0.2)
        left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
        if rng.random() < 0.6:
            draw.rectangle((left, top, left + wide, top + high), fill=_colour(rng))
        letters = rng.integers(97, 123, int(rng.integers(3, 14)))
        draw.text(
            (left, top),
            bytes(letters.tolist()).decode(),
            fill=_colour(rng),
            font_size=max(8.0, high * 0.8),
        )
    return image


def square(image: Image.Image, size: int) -> Image.Image:
    """Stretched, as the encoder will be fed."""
    return resized(image, (size, size))


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """In that size, (width, height)."""
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2)


def _colour(rng: Generator) -> tuple[int, int, int]:
    """Black, white or any."""
    kind = rng.random()
    if kind < 0.6:
        return (0, 0, 0) if kind < 0.3 else (255, 255, 255)
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


BY_NAME: dict[str, Change] = {
    change.__name__: change
    for change in (
        mirror,
        turn,
        tilt,
        light,
        exposure,
        grey,
        blur,
        shrink,
        compress,
        window,
        border,
        overlay,
    )
}


def changed(image: Image.Image, odds: Mapping[str, float], rng: Generator) -> Image.Image:
    """Each change by its odds, in the order of the table."""
    for name, chance in odds.items():
        if rng.random() < chance:
            image = BY_NAME[name](image, rng)
    return image
