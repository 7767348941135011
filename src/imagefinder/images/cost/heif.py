"""AVIF and HEIC: the size that the container declares, which the coded image need not keep to."""

from __future__ import annotations

import struct
from dataclasses import replace

from imagefinder.images.cost.cost import Cost, of_pixels

_MAX_BOXES = 1_000


def avif_cost(data: bytes) -> Cost:
    """Unreliable: the decoder goes by the coded image."""
    return _cost(data, memory=13, speed=12)


def heic_cost(data: bytes) -> Cost:
    """Unreliable: the decoder goes by the coded image."""
    return _cost(data, memory=10, speed=20)


def _cost(data: bytes, memory: float, speed: float) -> Cost:
    width, height = _largest(data)
    return replace(of_pixels(width, height, memory, speed), is_reliable=False)


def _largest(data: bytes) -> tuple[int, int]:
    """The largest image of the box that describes all of them."""
    start, end = _meta(data)
    largest = (0, 0)
    at = start
    for _ in range(_MAX_BOXES):
        at = data.find(b"ispe", at, end)
        if at < 0 or at + 16 > len(data):
            break
        size: tuple[int, int] = struct.unpack_from(">II", data, at + 8)
        largest = max(largest, size, key=lambda one: one[0] * one[1])
        at += 4
    return largest


def _meta(data: bytes) -> tuple[int, int]:
    position = 0
    for _ in range(_MAX_BOXES):
        if position + 16 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, position + 8)
        end = position + length if length else len(data)
        if kind == b"meta":
            return position, end
        if end <= position + 7:
            break
        position = end
    return 0, 0
