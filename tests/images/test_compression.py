"""What an image's file says of how it was compressed before."""

import io

import numpy as np
import PIL.Image
import pytest

from imagefinder.images.compression import CERTAIN, compression_of
from imagefinder.images.transforms import COPIES
from imagefinder.testing.gallery import draw_scene


def saved(image: PIL.Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photograph() -> PIL.Image.Image:
    """A scene with the grain of a photograph."""
    pixels = np.asarray(draw_scene("harbour").convert("RGB").resize((400, 300)), np.float32)
    grain = np.random.default_rng(0).normal(0, 12, (300, 400, 1))
    return PIL.Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def reopened(photograph: PIL.Image.Image) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(saved(photograph, quality=70))).convert("RGB")


@pytest.mark.parametrize("quality", [30, 75, 92])
def test_the_quality_is_that_of_the_tables(photograph: PIL.Image.Image, quality: int) -> None:
    found = compression_of(saved(photograph, quality=quality))
    assert found.quality == pytest.approx(quality, abs=1)
    assert found.subsampled
    assert found.traces < CERTAIN
    assert found.earlier is None


def test_an_image_without_jpeg_has_no_history(photograph: PIL.Image.Image) -> None:
    found = compression_of(saved(photograph, "PNG"))
    assert (found.quality, found.earlier, found.worst) == (None, None, 100)


@pytest.mark.parametrize("change", ["mirrored", "grayscale", "rotated 90°", "border of 20 %"])
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 90}), ("PNG", {})])
def test_a_changed_copy_shows_the_compression_of_what_it_was_made_of(
    reopened: PIL.Image.Image, change: str, kind: str, options: dict[str, int]
) -> None:
    found = compression_of(saved(COPIES[change](reopened), kind, **options))
    assert found.earlier == pytest.approx(70, abs=6)
    assert found.traces >= CERTAIN


def test_a_tiny_image_has_no_history() -> None:
    assert compression_of(saved(PIL.Image.new("RGB", (9, 9)), "PNG")).traces == 0
