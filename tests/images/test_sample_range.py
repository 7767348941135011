"""Samples of more than 8 bits are shown in the range that they use."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tests.images.encode import encoded

from imagefinder.images.decode import decode, load_image
from imagefinder.types import Resize

RAMP = np.linspace(0, 1, 48 * 64).reshape(48, 64)


def samples(highest: int, dtype: Any = np.uint16) -> NDArray[Any]:
    return (RAMP * highest).round().astype(dtype)


def shown(data: bytes | PIL.Image.Image) -> NDArray[Any]:
    return load_image(data)[..., 0].astype(int)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grays_of_fewer_bits_are_not_darker(bits: int, kind: str) -> None:
    data = encoded(PIL.Image.fromarray(samples(2**bits - 1)), kind)
    assert_allclose(shown(data), RAMP * 255, atol=1.01)


@pytest.mark.parametrize("highest", [16384, 30000, 65535])
def test_a_range_that_needs_all_bits_is_kept(highest: int) -> None:
    data = encoded(PIL.Image.fromarray(samples(highest)), "PNG")
    assert_array_equal(shown(data), samples(highest) >> 8)


@pytest.mark.parametrize("tag", [281, 341])
def test_a_declared_highest_sample_is_believed(tag: int) -> None:
    tags = ImageFileDirectory_v2()
    tags[tag] = 16383
    data = encoded(PIL.Image.fromarray(samples(4095)), "TIFF", tiffinfo=tags)
    assert_array_equal(shown(data), samples(4095) >> 6)
    tags[tag] = 1023  # and not if a sample is higher
    data = encoded(PIL.Image.fromarray(samples(4095)), "TIFF", tiffinfo=tags)
    assert_array_equal(shown(data), samples(4095) >> 4)


def test_a_tiff_may_be_big_endian_or_inverted() -> None:
    assert_array_equal(shown(tiff_of(samples(4095)[..., None], ">")), samples(4095) >> 4)
    data = bytearray(encoded(PIL.Image.fromarray(samples(65535)), "TIFF"))
    place = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # photometric: black is zero
    data[place + 8] = 0
    assert_array_equal(shown(bytes(data)), 255 - (samples(65535) >> 8))


@pytest.mark.parametrize("highest", [1023, 4095, 65535])
def test_32_bit_integers_have_the_same_ranges(highest: int) -> None:
    data = encoded(PIL.Image.fromarray(samples(highest, np.int32)), "TIFF")
    assert_allclose(shown(data), RAMP * 255, atol=1.2)


def test_signed_samples_are_stretched_from_the_lowest_to_the_highest() -> None:
    values = (samples(60000).astype(np.int32) - 30000).astype(np.int16)
    assert_allclose(shown(tiff_of(values[..., None], "<", signed=True)), RAMP * 255, atol=1.01)


@pytest.mark.parametrize("resample", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("dtype", "highest"), [(np.float32, 1.0), (np.int32, 4095)])
def test_a_filter_that_overshoots_does_not_change_the_range(
    resample: Any, dtype: Any, highest: float
) -> None:
    sharp = np.zeros((64, 64), dtype)
    sharp[:, 20:44] = highest
    small = decode(PIL.Image.fromarray(sharp), Resize(40, 40, filter=resample)).pixels[..., 0]
    assert small[20, 20] >= 250
    assert small[20, 2] <= 5


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("how", ["PNG", "little-endian TIFF", "big-endian TIFF"])
def test_colors_of_fewer_bits_are_not_darker(bits: int, channels: int, how: str) -> None:
    color = np.stack([samples(2**bits - 1), samples(2**bits - 1).T.reshape(48, 64)] * 2, axis=2)
    color[..., 2] = 0
    color[..., 3] = 65535
    color = color[..., :channels]
    data = png_of(color) if how == "PNG" else tiff_of(color, "<" if how[0] == "l" else ">")
    assert_array_equal(load_image(data), (color[..., :3] >> bits - 8))


def test_colors_that_use_all_bits_are_what_they_were() -> None:
    color = np.stack([samples(65535), samples(300), samples(16384)], axis=2)
    assert_array_equal(load_image(png_of(color)), color >> 8)


def png_of(color: NDArray[np.uint16]) -> bytes:
    """Written here, because Pillow writes no colors of 16 bits."""
    height, width, channels = color.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in color)
    head = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff_of(color: NDArray[Any], order: str, signed: bool = False) -> bytes:
    height, width, channels = color.shape
    pixels = color.astype(f"{order}{'i' if signed else 'u'}2").tobytes()
    at_bits, at_pixels = 200, 256
    short, long = 3, 4
    tags = [
        (256, short, 1, width),
        (257, short, 1, height),
        (258, short, channels, 16 if channels == 1 else at_bits),
        (259, short, 1, 1),
        (262, short, 1, 1 if channels == 1 else 2),
        (273, long, 1, at_pixels),
        (277, short, 1, channels),
        (278, short, 1, height),
        (279, long, 1, len(pixels)),
        *([(338, short, 1, 2)] if channels == 4 else []),
        *([(339, short, 1, 2)] if signed else []),
    ]
    file = BytesIO()
    file.write((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8))
    file.write(struct.pack(order + "H", len(tags)))
    for tag, kind, count, value in tags:
        packed = struct.pack(order + ("H2x" if kind == short and count == 1 else "I"), value)
        file.write(struct.pack(order + "HHI", tag, kind, count) + packed)
    file.write(bytes(4))
    file.write(bytes(at_bits - file.tell()) + struct.pack(f"{order}{channels}H", *[16] * channels))
    file.write(bytes(at_pixels - file.tell()) + pixels)
    return file.getvalue()
