"""Of a truncated or damaged image the rows that are there are taken, and no filler; it is told."""

from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal
from tests.images.encode import encoded

from imagefinder.errors import TruncatedImage, UnreadableImage
from imagefinder.images.decode import decode, load_image
from imagefinder.images.limits import Limits
from imagefinder.types import Image, Resize

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {"quality": 90}),
    ("PNG", {}),
    ("WEBP", {"quality": 90}),
    ("WEBP", {"lossless": True}),
    ("WEBP", {"quality": 90, "icc_profile": b"not a profile" * 20}),
    ("GIF", {"interlace": 0}),
    ("GIF", {"interlace": 0, "transparency": 3}),
    ("TIFF", {}),
    ("AVIF", {"quality": 90}),
    ("HEIF", {"quality": 90}),
]
FROM_ITS_END: list[tuple[str, dict[str, Any]]] = [("BMP", {})]


_made: dict[str, bytes] = {}


def of_kind(photograph: PIL.Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    """Made once: some encoders are slow."""
    name = f"{kind} {options}"
    if name not in _made:
        image = photograph.quantize(64) if kind == "GIF" else photograph
        _made[name] = encoded(image, kind, **options)
    return _made[name]


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def greatest_difference(one: Image, other: Image) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize(("kind", "options"), KINDS + FROM_ITS_END)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_rows_that_are_there_are_taken_and_no_others(
    kind: str, options: dict[str, Any], share: float, photograph: PIL.Image.Image
) -> None:
    data = of_kind(photograph, kind, options)
    whole = load_image(data)
    part = decode(cut(data, share))
    height = len(part.pixels)
    assert 0.25 * len(whole) <= height < len(whole)
    assert (part.width, part.height) == (400, height)
    there = whole[-height:] if kind == "BMP" else whole[:height]
    assert greatest_difference(part.pixels, there) <= 2
    assert part.warning.startswith("truncated or damaged: ")
    assert part.warning.endswith("% of it could be decoded")


@pytest.mark.parametrize(("kind", "options"), KINDS + FROM_ITS_END)
def test_too_little_of_an_image_is_refused(
    kind: str, options: dict[str, Any], photograph: PIL.Image.Image
) -> None:
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(cut(of_kind(photograph, kind, options), 0.15))


@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_its_end_mark_is_complete(
    missing: int, photograph: PIL.Image.Image
) -> None:
    data = encoded(photograph, "JPEG", quality=90)
    part = decode(data[:-missing])
    assert_array_equal(part.pixels, load_image(data))
    assert part.warning == "truncated: its end is missing"


def test_a_png_without_its_last_chunk_is_whole(photograph: PIL.Image.Image) -> None:
    data = encoded(photograph, "PNG")
    assert_array_equal(decode(data[:-12]).pixels, load_image(data))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_progressive_jpeg_shows_all_of_it_with_fewer_details(
    share: float, photograph: PIL.Image.Image
) -> None:
    data = encoded(photograph, "JPEG", quality=90, progressive=True)
    part = decode(cut(data, share))
    whole = load_image(data)
    assert part.pixels.shape == whole.shape
    assert np.abs(part.pixels.astype(int) - whole).mean() < 12
    assert part.warning == "truncated: finer details are missing"


@pytest.mark.parametrize(("share", "step"), [(0.2, 4), (0.4, 2)])
def test_of_an_interlaced_image_the_rows_between_are_filled_by_their_neighbors(
    share: float, step: int, photograph: PIL.Image.Image
) -> None:
    data = of_kind(photograph, "GIF", {"interlace": 1})
    part = decode(cut(data, share))
    assert part.warning
    height = len(part.pixels)
    assert_array_equal(part.pixels[::step], load_image(data)[:height:step])


def test_a_shrunk_jpeg_tells_the_size_of_the_part(photograph: PIL.Image.Image) -> None:
    data = encoded(photograph.resize((1600, 1216)), "JPEG", quality=90)
    part = decode(cut(data, 0.6), Resize(64, 64))
    assert part.pixels.shape == (64, 64, 3)
    assert part.width == 1600
    assert 0.4 * 1216 < part.height < 0.8 * 1216


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_part_is_turned_upright(kind: str, photograph: PIL.Image.Image) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    data = encoded(photograph, kind, exif=exif.tobytes())
    part = decode(cut(data, 0.7))
    assert part.height == photograph.width
    assert part.width < photograph.height
    assert greatest_difference(part.pixels, load_image(data)[:, -part.width :]) == 0


@pytest.mark.filterwarnings("ignore")  # Pillow warns of the missing tags of a TIFF
@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "WEBP", "HEIF"])
def test_a_stub_is_not_called_another_kind_of_file(kind: str, photograph: PIL.Image.Image) -> None:
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {"quality": 90}
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(cut(of_kind(photograph, kind, options), 0.1))


def test_a_damaged_png_is_taken_up_to_the_damage(photograph: PIL.Image.Image) -> None:
    data = bytearray(encoded(photograph, "PNG"))
    place = len(data) * 2 // 3
    data[place : place + 9] = bytes(9)
    part = decode(bytes(data))
    assert part.warning
    assert_array_equal(part.pixels, np.asarray(photograph)[: len(part.pixels)])


def test_truncated_images_can_be_refused(photograph: PIL.Image.Image) -> None:
    strict = Limits(allow_truncated=False)
    data = encoded(photograph, "JPEG")
    assert not decode(data, limits=strict).warning
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(data[:-2], limits=strict)


def test_loading_one_in_python_warns(photograph: PIL.Image.Image) -> None:
    with pytest.warns(TruncatedImage, match="the image is truncated"):
        load_image(encoded(photograph, "JPEG")[:-2])


@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 3}])
def test_a_jpeg_may_be_cut_at_any_byte(
    options: dict[str, Any], photograph: PIL.Image.Image
) -> None:
    """Also within a marker, and where the decoder waits for one."""
    data = encoded(photograph.resize((90, 70)), "JPEG", quality=80, **options)
    whole = load_image(data)
    near = len(data) - 50
    for end in (*range(len(data) * 2 // 3, near, 9), *range(near, len(data) - 2)):
        part = decode(data[:end])
        assert_array_equal(part.pixels, whole[: len(part.pixels)])
        assert part.warning
