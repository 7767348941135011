"""Data augmentation: image transformations of random strength, each applied with a probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from imagefinder.images import transforms
from imagefinder.images.transforms import Overlay

Pixels: TypeAlias = NDArray[np.uint8]
"""Views, ``(…, height, width, 3)``."""

Augmentation: TypeAlias = Callable[[Image.Image, Generator], Image.Image]


def flip(image: Image.Image, _: Generator) -> Image.Image:
    """Left to right."""
    return transforms.mirror(image)


def rotate90(image: Image.Image, rng: Generator) -> Image.Image:
    """By a quarter turn in either direction, or more rarely by half a turn."""
    turns = (
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_180,
    )
    return image.transpose(turns[rng.choice(3, p=(0.4, 0.4, 0.2))])


def rotate(image: Image.Image, rng: Generator) -> Image.Image:
    """By up to 15 degrees; the corners are filled with one color."""
    degrees = rng.uniform(-15, 15)
    return transforms.rotate(image, degrees, _color(rng), Image.Resampling.BILINEAR)


def color_jitter(image: Image.Image, rng: Generator) -> Image.Image:
    """Brightness, contrast and saturation, each by up to a factor of 1.7."""
    for adjust in (transforms.brightness, transforms.contrast, transforms.saturation):
        image = adjust(image, float(np.exp(rng.uniform(-0.53, 0.53))))
    return image


def brightness_contrast(image: Image.Image, rng: Generator) -> Image.Image:
    """Brightness and contrast, each by up to a factor of 1.4; the hues stay."""
    for adjust in (transforms.brightness, transforms.contrast):
        image = adjust(image, float(np.exp(rng.uniform(-0.34, 0.34))))
    return image


def grayscale(image: Image.Image, _: Generator) -> Image.Image:
    """Without color."""
    return transforms.grayscale(image)


def blur(image: Image.Image, rng: Generator) -> Image.Image:
    """Gaussian, with a radius of up to 1.4 % of the shorter side."""
    side = min(image.size)
    return transforms.blur(image, rng.uniform(0.002, 0.014) * side)


def downscale(image: Image.Image, rng: Generator) -> Image.Image:
    """To between a half and an eighth of each side and back, so that details are lost."""
    factor = rng.uniform(2, 8)
    width, height = (max(8, round(side / factor)) for side in image.size)
    return resized(image, (width, height)).resize(image.size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, rng: Generator) -> Image.Image:
    """JPEG compression of quality 8 to 50."""
    return transforms.jpeg(image, int(rng.integers(8, 50)))


def crop(image: Image.Image, rng: Generator) -> Image.Image:
    """A rectangle with 60 to 95 % of each side."""
    width, height = (round(side * rng.uniform(0.6, 0.95)) for side in image.size)
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    return transforms.crop(image, left, top, width, height)


def pad(image: Image.Image, rng: Generator) -> Image.Image:
    """A border of one color, on each side up to a quarter of the image's."""
    left, right = rng.uniform(0, 0.25, 2) * image.width
    top, bottom = rng.uniform(0, 0.25, 2) * image.height
    if rng.random() < 0.4:  # the same all around
        left = right = top = bottom = rng.uniform(0.05, 0.25) * min(image.size)
    return transforms.pad(image, (left, top, right, bottom), _color(rng))


def overlay(image: Image.Image, rng: Generator) -> Image.Image:
    """One to three lines of text, most of them on a box."""
    count = rng.integers(1, 4)
    return transforms.overlay(image, *(_overlay(image, rng) for _ in range(count)))


def _overlay(image: Image.Image, rng: Generator) -> Overlay:
    width, height = image.width * rng.uniform(0.2, 1), image.height * rng.uniform(0.05, 0.2)
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    fill = _color(rng) if rng.random() < 0.6 else None
    letters = rng.integers(97, 123, int(rng.integers(3, 14)))
    return Overlay(
        box=(left, top, left + width, top + height),
        fill=fill,
        text=bytes(letters.tolist()).decode(),
        text_at=(left, top),
        color=_color(rng),
        font_size=max(8.0, height * 0.8),
    )


def square(image: Image.Image, size: int) -> Image.Image:
    """Stretched to ``size`` pixels a side, as the encoder's input is."""
    return resized(image, (size, size))


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """In that size, (width, height)."""
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2)


def _color(rng: Generator) -> tuple[int, int, int]:
    """Black, white or any."""
    kind = rng.random()
    if kind < 0.6:
        return (0, 0, 0) if kind < 0.3 else (255, 255, 255)
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


AUGMENTATIONS: dict[str, Augmentation] = {
    augmentation.__name__: augmentation
    for augmentation in (
        flip,
        rotate90,
        rotate,
        color_jitter,
        brightness_contrast,
        grayscale,
        blur,
        downscale,
        jpeg,
        crop,
        pad,
        overlay,
    )
}


def identity(image: Image.Image, _: Generator) -> Image.Image:
    """No augmentation."""
    return image


def augment(probabilities: Mapping[str, float], image: Image.Image, rng: Generator) -> Image.Image:
    """Apply each named augmentation with its probability, in the order of the mapping."""
    for name, probability in probabilities.items():
        if rng.random() < probability:
            image = AUGMENTATIONS[name](image, rng)
    return image
