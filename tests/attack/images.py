"""Images: some to search with, and some that are small as files and large to decode."""

import struct
import zlib
from io import BytesIO

import numpy as np
import PIL.Image


def png(seed: int, side: int = 96) -> bytes:
    """A few colored rectangles."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((side, side, 3), np.uint8)
    for _ in range(9):
        top, left = rng.integers(0, side - 8, 2)
        pixels[top : top + 40, left : left + 40] = rng.integers(0, 256, 3)
    return saved(PIL.Image.fromarray(pixels), "PNG")


def saved(image: PIL.Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bombs() -> list[bytes]:
    """Each kind that a decoder unfolds to many times its size."""
    flat = PIL.Image.new("L", (9000, 9000), 200)
    return [
        _flat_png(30_000, 30_000),
        _flat_png(9000, 9000),
        saved(flat, "GIF"),
        saved(flat, "WEBP", quality=1, method=0),
        saved(flat, "TIFF", compression="tiff_lzw"),
        saved(PIL.Image.new("L", (4000, 4000), 90), "AVIF", quality=1, speed=10),
        saved(flat, "JPEG", quality=1, progressive=True),
        _many_scans(),
    ]


def _flat_png(width: int, height: int) -> bytes:
    """Of zeros, packed row by row so that nothing large is made here."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _many_scans() -> bytes:
    """A progressive JPEG whose last scan is repeated thousands of times."""
    data = saved(PIL.Image.new("L", (2000, 2000), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (1_000_000 // len(data[last:-2])) + data[-2:]
