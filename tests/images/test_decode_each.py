"""One decode gives an image in several sizes, and each is as if it were decoded alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from tests.images.encode import encoded

from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images.decode import decode, decode_each
from imagefinder.images.formats import open_image
from imagefinder.images.limits import LIMITS
from imagefinder.images.signature import SIGNATURE_RESIZE, signature_of
from imagefinder.types import Image, Resize

Draw = Callable[..., Image]

SMALL, LARGE = Resize(20, 20), Resize(60, 40)
SIZES = [None, SMALL, LARGE, Resize(48, 48, "within", filter="box"), Resize(24, 24, "crop", 0.8)]


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes of all images that are opened from now on, before any reduction."""
    opened: list[tuple[int, int]] = []

    def watched(*arguments: Any) -> Any:
        image = open_image(*arguments)
        opened.append(image.size)
        return image

    monkeypatch.setattr("imagefinder.images.decode.open_image", watched)
    return opened


@pytest.fixture(scope="session")
def jpeg(photograph: PIL.Image.Image) -> bytes:
    """400 × 304 pixels."""
    return encoded(photograph, "JPEG", quality=90)


MODES = ["RGB", "L", "P", "RGBA", "LA", "I;16", "CMYK", "F"]


@pytest.mark.parametrize("mode", MODES)
def test_every_size_is_as_if_decoded_alone(mode: str, photograph: PIL.Image.Image) -> None:
    image = photograph.convert("L").convert(mode) if mode in ("I;16", "F") else photograph
    kind = "TIFF" if mode in ("CMYK", "F") else "PNG"
    data = encoded(image if mode in ("I;16", "F") else image.convert(mode), kind)
    first, others = decode_each(data, SMALL, SIZES)
    assert_array_equal(first.pixels, decode(data, SMALL).pixels)
    for size, one in zip(SIZES, others, strict=True):
        assert one
        assert one == replace(decode(data, size), pixels=one.pixels)
        assert_array_equal(one.pixels, decode(data, size).pixels)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_one_decode_is_enough_for_all(
    kind: str, photograph: PIL.Image.Image, decodes: list[tuple[int, int]]
) -> None:
    decode_each(encoded(photograph, kind), SMALL, SIZES)
    assert decodes == [(400, 304)]


def test_a_jpeg_is_decoded_once_for_what_needs_no_more_than_the_first(
    jpeg: bytes, decodes: list[tuple[int, int]]
) -> None:
    first, (other, same) = decode_each(jpeg, LARGE, [SMALL, LARGE])
    assert len(decodes) == 1
    assert_array_equal(first.pixels, decode(jpeg, LARGE).pixels)
    assert same
    assert other
    assert_array_equal(same.pixels, first.pixels)
    alone = decode(jpeg, SMALL).pixels  # from a decode of fewer pixels
    assert 0 < np.abs(other.pixels - alone.astype(int)).mean() < 3


def test_a_jpeg_is_decoded_again_for_what_needs_more(
    jpeg: bytes, decodes: list[tuple[int, int]]
) -> None:
    first, (larger, whole) = decode_each(jpeg, SMALL, [LARGE, None])
    assert len(decodes) == 3
    assert_array_equal(first.pixels, decode(jpeg, SMALL).pixels)
    assert larger
    assert whole
    assert_array_equal(larger.pixels, decode(jpeg, LARGE).pixels)
    assert whole.pixels.shape == (304, 400, 3)


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    first=st.integers(1, 200),
    others=st.lists(st.integers(1, 200), max_size=3),
    orientation=st.integers(1, 8),
)
def test_the_first_size_depends_on_no_other(
    size: tuple[int, int], first: int, others: list[int], orientation: int
) -> None:
    pixels = np.random.default_rng(sum(size)).integers(0, 256, (*size, 3), np.uint8)
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PIL.Image.fromarray(pixels), "JPEG", exif=exif.tobytes())
    wanted = Resize(first, first // 2 + 1)
    one, rest = decode_each(data, wanted, [Resize(side, side) for side in others])
    assert_array_equal(one.pixels, decode(data, wanted).pixels)
    assert [other and other.pixels.shape[:2] for other in rest] == [(side, side) for side in others]
    assert {(other.width, other.height) for other in rest if other} <= {(one.width, one.height)}


def test_an_array_and_an_image_in_memory_too(photograph: PIL.Image.Image) -> None:
    for source in (photograph, np.asarray(photograph)):
        first, (other,) = decode_each(source, LARGE, [SMALL])
        assert other
        assert_array_equal(first.pixels, decode(source, LARGE).pixels)
        assert_array_equal(other.pixels, decode(source, SMALL).pixels)


def test_of_a_truncated_image_too(jpeg: bytes) -> None:
    cut = jpeg[: len(jpeg) * 2 // 3]
    first, (other,) = decode_each(cut, LARGE, [SMALL])
    assert other
    assert "truncated" in first.warning
    assert first.warning == other.warning
    assert_array_equal(first.pixels, decode(cut, LARGE).pixels)


def test_what_only_another_size_lacks_does_no_harm() -> None:
    # of so little, less than a quarter of the rows are there unless it is decoded at a reduced size
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(PIL.Image.fromarray(noise), "JPEG")
    cut = data[: len(data) // 2]
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(cut, LARGE)
    first, others = decode_each(cut, Resize(2, 2), [LARGE, Resize(1, 1)])
    assert_array_equal(first.pixels, decode(cut, Resize(2, 2)).pixels)
    assert [other is None for other in others] == [True, False]


def test_what_the_first_size_lacks_is_an_error(jpeg: bytes) -> None:
    with pytest.raises(ImageTooLarge, match="pixels are more than 100"):
        decode_each(jpeg, None, [SMALL], replace(LIMITS, max_pixels=100))


def test_a_signature_hardly_depends_on_what_else_is_made_of_the_decode(
    photograph: PIL.Image.Image,
) -> None:
    data = encoded(photograph.resize((1200, 912)), "JPEG")
    alone = signature_of(decode(data, SIGNATURE_RESIZE).pixels)
    for side in (8, 208, 512):
        _, (beside,) = decode_each(data, Resize(side, side), [SIGNATURE_RESIZE])
        assert beside
        one, other = (each.pattern.astype(float) for each in (alone, signature_of(beside.pixels)))
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999
