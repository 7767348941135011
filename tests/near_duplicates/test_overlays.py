"""Text and stamps over one of two copies of an image."""

import numpy as np
import PIL.Image
import pytest

from imagefinder.images.transforms import COPIES, Overlay, overlay
from imagefinder.near_duplicates.overlays import is_covered
from imagefinder.near_duplicates.traits import Appearance, appearance_of
from imagefinder.testing.gallery import draw_scene


def appearance(image: PIL.Image.Image) -> Appearance:
    return appearance_of(np.asarray(image))


@pytest.fixture(scope="module")
def scene() -> PIL.Image.Image:
    return draw_scene("harbour").convert("RGB").resize((420, 300))


@pytest.mark.parametrize("size", [24.0, 60.0])
def test_text_is_over_one_and_not_over_the_other(scene: PIL.Image.Image, size: float) -> None:
    text = Overlay((0, 0, 0, 0), None, "SAMPLE", (60, 120), "black", size)
    changed, plain = appearance(overlay(scene, text)), appearance(scene)
    assert is_covered(changed, plain)
    assert not is_covered(plain, changed)


@pytest.mark.parametrize("change", [name for name in COPIES if name != "overlay with text"])
def test_nothing_is_over_an_original(scene: PIL.Image.Image, change: str) -> None:
    assert not is_covered(appearance(scene), appearance(COPIES[change](scene)))


def test_nothing_is_over_the_same_image(scene: PIL.Image.Image) -> None:
    assert not is_covered(appearance(scene), appearance(scene))
