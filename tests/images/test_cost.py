"""The cost of decoding is read from the header: what takes long or much is known beforehand."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pillow_heif
import pytest

from imagefinder.errors import ImageTooLarge
from imagefinder.images.cost.cost import Cost
from imagefinder.images.cost.estimate import estimate
from imagefinder.images.decode import decode
from imagefinder.images.limits import LIMITS, Limits, check_cost
from imagefinder.types import Image, Resize

Draw = Callable[..., Image]


def encoded(
    kind: str, size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: Any
) -> bytes:
    file = BytesIO()
    image = PIL.Image.new(mode, size)
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_of_scans(width: int, height: int, scans: int, frame: int = 0xC2) -> bytes:
    """A gray JPEG of that many scans that hold nothing."""
    one_code = bytes([1] + [0] * 15)
    scan = jpeg_segment(0xDA, b"\1\1\0\1\x3f\0") + b"\0"
    return (
        b"\xff\xd8"
        + jpeg_segment(0xDB, b"\0" + b"\1" * 64)
        + jpeg_segment(frame, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
        + jpeg_segment(0xC4, b"\x00" + one_code + b"\0")
        + jpeg_segment(0xC4, b"\x10" + one_code + b"\xe0")
        + scan * scans
        + b"\xff\xd9"
    )


def after_start(jpeg: bytes, segments: bytes) -> bytes:
    return jpeg[:2] + segments + jpeg[2:]


def padded_jpeg(size: int) -> bytes:
    data = encoded("JPEG")
    return data[:20] + bytes(size) + data[20:]  # behind the first segment


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(chunks: bytes) -> bytes:
    data = encoded("PNG", (16, 16))
    return data[:33] + chunks + data[33:]  # behind the header


def png_header(width: int, height: int, depth: int = 8, color: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def tiff(entries: list[tuple[int, int, int, int]], before: bytes = b"") -> bytes:
    """``entries``: tag, type, count and value, which is an offset if it is longer."""
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    start = 8 + len(before)
    head = struct.pack("<2sHI", b"II", 42, start) + before
    return head + struct.pack("<H", len(entries)) + directory + bytes(4)


def tiff_of_strips(count: int, compression: int = 1) -> bytes:
    table = struct.pack("<I", 8) * count
    strips = [(273, 4, count, 8), (279, 4, count, 8)]
    return tiff([*tiff_size(16, count), (259, 3, 1, compression), (278, 4, 1, 1), *strips], table)


def tiff_size(width: int, height: int) -> list[tuple[int, int, int, int]]:
    return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (277, 3, 1, 1)]


def gif_with(blocks: bytes) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 16, 16, 0) + b"\2\2\x4c\1\0\x3b"
    return b"GIF89a" + struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + bytes(6) + blocks + frame


def bmp(width: int, height: int, compression: int = 0) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 2000, 0, 0, 1078) + header + bytes(1024 + 100)


def webp_canvas(width: int, height: int) -> bytes:
    sizes = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sizes
    return b"RIFF" + struct.pack("<I", len(body)) + body


# what is small is quick


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {"mode": "P"}),
        ("BMP", {}),
        ("DIB", {}),
        ("WEBP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_an_ordinary_image_is_cheap_and_its_header_is_believed(
    kind: str, options: dict[str, Any]
) -> None:
    cost = estimate(encoded(kind, **options), 512)
    assert cost.is_reliable
    assert cost.seconds < 0.2
    assert 640 * 480 <= cost.memory < 640 * 480 * 40


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_a_coded_image_may_be_larger_than_its_container_says(kind: str) -> None:
    cost = estimate(encoded(kind, (320, 200)))
    assert not cost.is_reliable
    assert cost.memory >= 320 * 200 * 8


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_more_than_its_first_frame_may_be_decoded(kind: str) -> None:
    frames = [PIL.Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (0, 120, 240)]
    file = BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    assert not estimate(file.getvalue()).is_reliable


@pytest.mark.parametrize(
    "data", [b"", b"x", b"hello, world " * 9, b"\xff\xd8\xff", b"BM", b"GIF89a"]
)
def test_what_is_no_image_costs_nothing(data: bytes) -> None:
    assert estimate(data).memory == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_header_cut_anywhere_gives_a_cost_and_no_error(kind: str) -> None:
    data = encoded(kind, (40, 30))
    for end in range(0, min(len(data), 600), 7):
        assert estimate(data[:end]).memory < 10**6


def test_a_reduced_decode_takes_less() -> None:
    data = encoded("JPEG", (2000, 1600))
    assert estimate(data, 400).memory * 10 < estimate(data).memory


# what takes long


SLOW = {
    "thousands of scans": (jpeg_of_scans(4000, 4000, 13_000), "13,000 scans"),
    "arithmetic coding": (jpeg_of_scans(4000, 4000, 900, frame=0xCA), "900 scans"),
    "comments in a JPEG": (
        after_start(encoded("JPEG"), jpeg_segment(0xFE, b"") * 11_000),
        "more than 10,000 segments",
    ),
    "bytes that fill": (after_start(encoded("JPEG"), b"\xff" * 11_000), "10,000 segments"),
    "nothing between segments": (padded_jpeg(40_000_000), "between"),
    "chunks": (png_with(chunk(b"abCd", b"") * 22_000), "more than 20,257 chunks"),
    "profiles": (png_with(chunk(b"iCCP", b"a" * 2_000) * 3_000), "3,000 compressed texts"),
    "strips": (tiff_of_strips(2_000_000), "2,000,000 strips"),
    "fractions": (tiff([*tiff_size(16, 16), (282, 5, 4_000_000, 8)]), "values of tags"),
    "comments in a GIF": (gif_with(b"\x21\xfe\x01a\0" * 9_000), "blocks"),
    "a cut comment": (gif_with(b"\x21\xfe" + (b"\xff" + b"a" * 255) * 11_000 + b"\0"), "comments"),
    "pixels": (png_header(2**31 - 1, 2**31 - 1), "2147483647 × 2147483647 pixels"),
    "run lengths": (bmp(40_000, 40_000, compression=1), "run-length"),
}


@pytest.mark.parametrize("name", SLOW)
def test_what_takes_minutes_is_refused_with_its_reason(name: str) -> None:
    data, reason = SLOW[name]
    with pytest.raises(ImageTooLarge, match=f"would take too long to decode: .*{reason}"):
        check_cost(estimate(data, 512), Limits(max_memory=2**62, max_seconds=10))


MEMORY = {
    "a canvas of 34 bytes": webp_canvas(16_383, 6_100),
    "deep samples": png_header(10_000, 10_000, depth=16, color=6),
    "no data": png_header(10_000, 10_000),
    "bitmap": bmp(10_000, 9_999),
    "progressive": jpeg_of_scans(16_000, 16_000, 1),
    "a header read twice": png_with(
        chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 9_000, 8, 2, 0, 0, 0))
    ),
    "one tile": tiff(
        [
            *tiff_size(16, 16),
            (322, 4, 1, 40_000),
            (323, 4, 1, 40_000),
            (324, 4, 1, 8),
            (259, 3, 1, 8),
        ]
    ),
    "a tag given twice": tiff(
        [(256, 4, 1, 16), (256, 4, 1, 30_000), (257, 4, 1, 9_000), (258, 3, 1, 8)]
    ),
    "tags of the same bytes": tiff([*tiff_size(16, 16), *[(700, 7, 20_000_000, 8)] * 900]),
}


@pytest.mark.parametrize("name", MEMORY)
def test_what_takes_much_memory_is_refused(name: str) -> None:
    strict = Limits(max_memory=300 * 10**6)
    with pytest.raises(ImageTooLarge, match="MB of memory to decode, more than 300 MB"):
        check_cost(estimate(MEMORY[name], 512), strict)


def test_the_largest_frame_of_an_animation_counts() -> None:
    data = gif_with(b"")
    frame = struct.pack("<HHHH", 60_000, 0, 5_000, 65_000)
    assert estimate(data.replace(struct.pack("<HHHH", 0, 0, 16, 16), frame)).memory > 10**10


@pytest.mark.parametrize("end", [-1, -4, -8])
def test_a_directory_that_is_cut_short_counts_as_far_as_it_goes(end: int) -> None:
    data = tiff([*tiff_size(9_000, 9_000), (278, 4, 1, 1)])
    assert estimate(data[:end]).memory > 300 * 10**6


def test_a_page_beyond_the_end_of_the_file_hides_no_other() -> None:
    data = tiff(tiff_size(9_000, 9_000))[:-4] + struct.pack("<I", 2**30)
    assert estimate(data).memory > 300 * 10**6


@pytest.mark.parametrize("kind", [8, 9])
def test_a_signed_size_counts_as_well(kind: int) -> None:
    data = tiff([(256, kind, 1, 9_000), (257, kind, 1, 9_000), (258, 3, 1, 8)])
    assert estimate(data).memory > 300 * 10**6


def test_segments_that_decoders_read_differently_make_an_estimate_unreliable() -> None:
    data = encoded("JPEG")
    assert not estimate(after_start(data, jpeg_segment(0xF0, data))).is_reliable


def test_a_loop_of_pages_ends() -> None:
    data = bytearray(tiff(tiff_size(16, 16)))
    data[-4:] = struct.pack("<I", 8)
    assert estimate(bytes(data)).seconds < 1


# what is large and honest


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png_header(12_000, 9_000), id="a PNG of 108 megapixels"),
        pytest.param(png_header(12_000, 9_000, color=6), id="with transparency"),
        pytest.param(png_header(200_000, 500), id="a long panorama"),
        pytest.param(jpeg_of_scans(12_000, 9_000, 10), id="a progressive JPEG of 10 scans"),
        pytest.param(tiff_of_strips(30_000), id="a scan of a strip per row"),
        pytest.param(
            after_start(encoded("JPEG"), jpeg_segment(0xE1, b"x" * 65_000) * 20), id="much XMP"
        ),
        pytest.param(
            after_start(encoded("JPEG"), jpeg_segment(0xE1, b"Exif\0\0" + bytes(60_000))), id="EXIF"
        ),
    ],
)
def test_what_is_large_and_honest_is_within_the_limits(data: bytes) -> None:
    check_cost(estimate(data, 512), LIMITS)


def test_an_image_over_the_limits_is_refused_before_it_is_decoded(draw: Draw) -> None:
    file = BytesIO()
    PIL.Image.fromarray(draw(1)).save(file, "PNG")
    with pytest.raises(ImageTooLarge, match="of memory to decode"):
        decode(file.getvalue(), Resize(8, 8), Limits(max_memory=1000))
    with pytest.raises(ImageTooLarge, match="too long to decode: 120 × 90 pixels"):
        decode(file.getvalue(), Resize(8, 8), Limits(max_seconds=0))


def test_pixels_in_memory_have_no_cost() -> None:
    decoded = decode(np.zeros((9, 9, 3), np.uint8), Resize(8, 8), Limits(max_memory=0))
    assert decoded.pixels.shape == (8, 8, 3)


def test_the_reason_is_what_takes_longest() -> None:
    cost = Cost(seconds=1, reason="pixels").plus(0.5, reason="scans").plus(9, reason="strips")
    assert cost.reason == "strips"
    assert cost.seconds == 10.5


def test_what_lies_behind_the_end_of_a_png_costs_nothing() -> None:
    data = png_with(b"")
    behind = chunk(b"abCd", b"") * 30_000
    assert estimate(data + behind).seconds < 2 * estimate(data).seconds + 0.1
    # an end before the data is none
    early = png_with(chunk(b"IEND", b""))[:-12] + behind
    assert estimate(early).seconds == float("inf")
