"""The twelve image transformations, by what they do to an image."""

import numpy as np
import PIL.Image
import pytest

from imagefinder.images.transforms import COPIES

from ..conftest import drawn


@pytest.mark.parametrize("name", COPIES)
def test_every_transformation_gives_another_rgb_image_and_leaves_the_first_alone(name: str) -> None:
    image = PIL.Image.fromarray(drawn(1))
    copy = COPIES[name](image)
    assert copy.mode == "RGB"
    assert np.array_equal(np.asarray(image), drawn(1))
    assert copy.size != image.size or not np.array_equal(np.asarray(copy), drawn(1))


@pytest.mark.parametrize(
    ("name", "size"),
    [("quarter size", (30, 22)), ("70 % crop", (84, 62)), ("border of 20 %", (168, 126))],
)
def test_the_sizes_are_as_named(name: str, size: tuple[int, int]) -> None:
    assert COPIES[name](PIL.Image.fromarray(drawn(1))).size == size
