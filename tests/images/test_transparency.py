"""An image with transparency is laid on white, or on dark gray where white would hide it."""

from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from numpy.testing import assert_array_equal
from tests.images.encode import encoded

from imagefinder.images.decode import load_image

WHITE, DARK = 255, 48
Color = tuple[int, ...]


def drawing(color: Color, size: int = 200, clear: Color = (0, 0, 0, 0)) -> PIL.Image.Image:
    """A ring and a bar on transparency."""
    image = PIL.Image.new("RGBA", (size, size), clear)
    draw = PIL.ImageDraw.Draw(image)
    draw.ellipse((size // 10, size // 10, size // 2, size // 2), outline=color, width=size // 25)
    draw.rectangle((size // 2, size // 2, size * 9 // 10, size * 3 // 4), fill=color)
    return image


def ground_of(image: PIL.Image.Image | bytes) -> int:
    corner = load_image(image)[0, 0]
    assert len(set(corner.tolist())) == 1
    return int(corner[0])


@pytest.mark.parametrize(
    ("color", "ground"),
    [
        ((255, 255, 255, 255), DARK),
        ((240, 240, 240, 255), DARK),
        ((255, 255, 225, 255), DARK),
        ((255, 255, 255, 60), DARK),
        ((0, 0, 0, 255), WHITE),
        ((48, 48, 48, 255), WHITE),
        ((128, 128, 128, 255), WHITE),
        ((255, 255, 0, 255), WHITE),
        ((220, 30, 30, 60), WHITE),
        ((200, 200, 200, 255), WHITE),
    ],
)
def test_a_drawing_that_white_would_hide_is_laid_on_dark_gray(color: Color, ground: int) -> None:
    assert ground_of(drawing(color)) == ground
    assert ground_of(drawing(color, clear=(255, 255, 255, 0))) == ground


def test_drawings_in_white_differ_as_those_in_black_do() -> None:
    turned = drawing((255, 255, 255, 255)).transpose(PIL.Image.Transpose.ROTATE_90)
    one, other = load_image(drawing((255, 255, 255, 255))), load_image(turned)
    assert (one != other).any(axis=2).mean() > 0.1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
def test_the_ground_is_the_same_in_every_format(kind: str) -> None:
    assert ground_of(encoded(drawing((255, 255, 255, 255)), kind)) == DARK


def test_a_palette_may_be_transparent() -> None:
    gif = encoded(drawing((255, 255, 255, 255)), "GIF")
    assert ground_of(gif) == DARK
    palette = drawing((255, 255, 255, 255)).quantize(8)
    assert ground_of(palette) == DARK
    assert ground_of(palette.convert("PA")) == DARK


@pytest.mark.parametrize("mode", ["LA", "La", "RGBa"])
def test_other_modes_with_alpha_are_treated_alike(mode: str) -> None:
    white = drawing((255, 255, 255, 255))
    if mode == "La":
        white = white.convert("LA")
    assert ground_of(white.convert(mode)) == DARK


def gray_levels(background: int, foreground: int) -> np.ndarray[Any, Any]:
    levels = np.full((64, 64), background, np.uint16)
    levels[20:40, 20:50] = foreground
    return levels


@pytest.mark.parametrize(("foreground", "ground"), [(65535, DARK), (9000, WHITE)])
def test_a_sixteen_bit_level_may_be_transparent(foreground: int, ground: int) -> None:
    levels = PIL.Image.fromarray(gray_levels(1, foreground))
    assert ground_of(encoded(levels, "PNG", transparency=1)) == ground


def test_a_soft_edge_does_not_change_the_ground() -> None:
    for color in ((255, 255, 255, 255), (0, 0, 0, 255)):
        large = drawing(color, 800, clear=(*color[:3], 0))
        hard = load_image(large)[0, 0]
        # edges that were blended with the other color before
        soft = drawing(color, 800).resize((200, 200), PIL.Image.Resampling.LANCZOS)
        assert_array_equal(load_image(soft)[0, 0], hard)


def test_a_white_page_with_transparent_margins_stays_on_white() -> None:
    image = PIL.Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    draw = PIL.ImageDraw.Draw(image)
    draw.rectangle((20, 20, 180, 180), fill=(255, 255, 255, 255))
    for top in range(30, 170, 12):
        draw.text((30, top), "a page with lines of text", fill=(0, 0, 0, 255))
    assert ground_of(image) == WHITE


def test_white_text_with_a_small_dark_dot_is_seen() -> None:
    image = drawing((255, 255, 255, 255))
    PIL.ImageDraw.Draw(image).ellipse((190, 190, 194, 194), fill=(0, 0, 0, 255))
    assert ground_of(image) == DARK


def test_opaque_pixels_are_what_they_were() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(200, 256, (50, 60, 3), np.uint8)
    with_alpha = np.concatenate([pixels, np.full((50, 60, 1), 255, np.uint8)], axis=2)
    assert_array_equal(load_image(with_alpha), pixels)


def test_what_is_empty_is_white() -> None:
    assert ground_of(PIL.Image.new("RGBA", (50, 50), (255, 255, 255, 0))) == WHITE
    assert ground_of(PIL.Image.new("RGBA", (50, 50), (255, 255, 255, 255))) == WHITE


def test_every_form_of_a_drawing_gets_the_same_ground() -> None:
    long = drawing((255, 255, 255, 255)).resize((3000, 7))
    file = BytesIO()
    long.save(file, "PNG")
    assert ground_of(file.getvalue()) == DARK
