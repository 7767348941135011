"""WebP: the size of its canvas and of its first frame."""

from __future__ import annotations

import struct
from dataclasses import replace

from imagefinder.images.cost.cost import Cost, of_pixels

_MAX_CHUNKS = 1_000
_PIXELS_A_GROUP = 16
_MAX_GROUPS = 65_536
_GROUP = 11_000
"""Bytes of the tables of one group of Huffman codes, of which a lossless image may have many."""
_HARMLESS = 32 * 2**20


def webp_cost(data: bytes) -> Cost:
    """Unreliable for an animation, and for a lossless image with room for many Huffman codes."""
    width = height = 0
    kinds: set[bytes] = set()
    position = 12
    chunks = 0
    while position + 18 <= len(data) and not kinds & {b"VP8 ", b"VP8L"} and chunks < _MAX_CHUNKS:
        chunks += 1
        kind, length = struct.unpack_from("<4sI", data, position)
        kinds.add(kind)
        size = _size(kind, data[position + 8 : position + 18])
        width, height = max(width, size[0]), max(height, size[1])
        # the chunks of an animation's frame follow its header of 16 bytes
        position += 24 if kind == b"ANMF" else 8 + length + length % 2
    memory = 23 if b"VP8L" in kinds else 18
    cost = of_pixels(width, height, memory, speed=15)
    groups = min(width * height // _PIXELS_A_GROUP, len(data) // 6, _MAX_GROUPS)
    is_simple = b"VP8L" not in kinds or groups * _GROUP <= _HARMLESS
    is_simple &= b"ANMF" not in kinds and chunks < _MAX_CHUNKS
    return replace(cost, memory=cost.memory + 2 * len(data), is_reliable=is_simple)


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return 0, 0
