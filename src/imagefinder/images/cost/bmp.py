"""BMP, with and without its file header (DIB): the size, and whether it is run-length encoded."""

from __future__ import annotations

import struct

from imagefinder.images.cost.cost import Cost, of_pixels

_RUN_LENGTH = frozenset({1, 2})


def bmp_cost(data: bytes) -> Cost:
    """Run lengths are expanded by a loop in Python, so they cost a hundred times the pixels."""
    start = 14 if data.startswith(b"BM") else 0
    if len(data) < start + 20:
        return Cost()
    (size,) = struct.unpack_from("<I", data, start)
    if size == 12:  # the header of OS/2
        width, height = struct.unpack_from("<HH", data, start + 4)
        return of_pixels(width, height, memory=8, speed=80)
    width, height, _, _, compression = struct.unpack_from("<iiHHI", data, start + 4)
    width, height = abs(width), abs(height)
    cost = of_pixels(width, height, memory=8, speed=80)
    if compression not in _RUN_LENGTH:
        return cost
    runs = len(data) * 1e-6 + width * height * 8e-8
    return cost.plus(runs, reason=f"{width} × {height} run-length encoded pixels")
