"""PNG: the size and depth of its pixels, and the number of chunks."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from imagefinder.images.cost.cost import Cost, of_exif, of_pixels

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_COMPRESSED = frozenset({b"zTXt", b"iTXt", b"iCCP"})
_MAX_RATIO = 1032
"""Of deflate: bytes out for a byte in."""
_DEEP = 8.0
"""More bytes a pixel for 16-bit color, which is decoded once more if it is dark."""
_MAX_TEXT = 2**20
"""What Pillow decompresses of a chunk at most."""


@dataclass
class _Header:
    """What the chunks say."""

    width: int = 0
    height: int = 0
    depth: int = 8
    color: int = 2
    has_profile: bool = False
    has_transparency: bool = False
    is_animated: bool = False
    has_data: bool = False
    chunks: int = 0
    compressed: int = 0
    """Chunks of compressed text or profiles."""
    exif: int = 0


def png_cost(data: bytes) -> Cost:
    """Unreliable for an animation, of which several frames may be tried."""
    most = 20_000 + len(data) // 1_024
    head = _header(data, most)
    if head.chunks > most:
        return Cost(seconds=float("inf"), reason=f"more than {most:,} chunks")
    exif = of_exif(head.exif)
    cost = _pixels_cost(head, len(data)).plus(head.chunks * 5e-6, reason=f"{head.chunks:,} chunks")
    cost = cost.plus(exif.seconds, exif.memory, exif.reason)
    texts = min(64, head.compressed) * _MAX_TEXT  # Pillow stops there
    cost = cost.plus(head.compressed * 5e-3, texts, f"{head.compressed:,} compressed texts")
    return replace(cost, is_reliable=not head.is_animated)


def _pixels_cost(head: _Header, size: int) -> Cost:
    channels = _CHANNELS.get(head.color, 4)
    row = (head.width * channels * head.depth + 7) // 8
    is_deep = head.depth == 16
    if channels == 1 and not head.has_transparency:
        memory = 14.0 if is_deep else 6.0
    elif channels == 3 and not head.has_transparency:
        memory = 5.0
    else:
        memory = 30.0 if channels == 1 and is_deep else 17.0
    memory += _DEEP if is_deep and channels >= 3 else 0
    memory += (4.0 if head.has_profile else 0.0) + (8.0 if head.is_animated else 0.0)
    cost = of_pixels(head.width, head.height, memory, speed=100)
    inflated = min(row * head.height, size * _MAX_RATIO)
    return cost.plus(inflated * 2.5e-8, row, cost.reason)


def _header(data: bytes, most: int) -> _Header:
    head = _Header()
    position = 8
    while position + 8 <= len(data) and head.chunks <= most:
        length, kind = struct.unpack_from(">I4s", data, position)
        head.chunks += 1
        if kind == b"IHDR" and position + 18 <= len(data):
            width, height, depth, color = struct.unpack_from(">IIBB", data, position + 8)
            head.width, head.height = max(head.width, width), max(head.height, height)
            head.depth, head.color = depth, color
        elif kind in _COMPRESSED:
            head.compressed += 1
            head.has_profile |= kind == b"iCCP"
        elif kind == b"eXIf":
            head.exif += length
        elif kind == b"tRNS":
            head.has_transparency = True
        elif kind == b"acTL":
            head.is_animated = True
        elif kind == b"IDAT":
            head.has_data = True
        elif kind == b"IEND" and head.has_data:  # what may lie behind it is not read
            break
        position += 12 + length
    return head
