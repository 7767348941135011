"""JPEG: segments before the first scan, kind and number of scans, and the reduced size."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from imagefinder.images.cost.cost import Cost, of_exif, of_pixels

_MAX_MARKERS = 10_000
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ARITHMETIC = frozenset(range(0xC9, 0xD0))
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_UNUSUAL = frozenset({0xC8, *range(0xF0, 0xFE)})
"""Segments of which Pillow reads the content as if it were more segments, and libjpeg does not."""
_ICC = b"ICC_PROFILE"


@dataclass
class _Header:
    """What was found before the first scan."""

    width: int = 0
    height: int = 0
    samples: float = 0.0
    """Samples a pixel, all components together, after subsampling."""
    components: int = 0
    is_multiscan: bool = False
    is_arithmetic: bool = False
    has_profile: bool = False
    is_unusual: bool = False
    markers: int = 0
    skipped: int = 0
    """Bytes between segments, which Pillow reads one by one."""
    exif: int = 0
    resources: int = 0
    """Bytes of Photoshop's image resources."""
    scan: int = 0
    """Where the first scan begins; 0 if there is none."""


def jpeg_cost(data: bytes, needed: int | None) -> Cost:
    """``needed`` is the size that a reduced decode must not fall below."""
    head = _header(data)
    if head.markers > _MAX_MARKERS:
        return Cost(seconds=float("inf"), reason=f"more than {_MAX_MARKERS:,} segments")
    exif = of_exif(head.exif)
    reading = Cost().plus(head.skipped * 3e-7, reason=f"{head.skipped:,} bytes between segments")
    reading = reading.plus(exif.seconds, exif.memory, exif.reason)
    reading = reading.plus(head.resources * 2e-7, reason=f"{head.resources:,} bytes of resources")
    pixels = _pixels_cost(data, head, needed)
    cost = pixels.plus(reading.seconds, reading.memory, reading.reason)
    return replace(cost, is_reliable=not head.is_unusual)


def _pixels_cost(data: bytes, head: _Header, needed: int | None) -> Cost:
    scale = _reduction(head, needed)
    channels = (8 if head.components == 4 else 4) + (4 if head.has_profile else 0)
    cost = of_pixels(head.width, head.height, channels / scale**2, speed=60)
    if not head.is_multiscan:
        return cost
    scans = data.count(b"\xff\xda", head.scan)
    samples = head.width * head.height * head.samples
    block = 7e-7 if head.is_arithmetic else 5e-8
    # all coefficients are kept until the last scan
    cost = cost.plus(samples * 2e-8, samples * 2, cost.reason)
    return cost.plus(scans * samples / 64 * block, reason=f"{scans:,} scans")


def _reduction(head: _Header, needed: int | None) -> int:
    if not needed:
        return 1
    scale = min(head.width, head.height) // needed
    return next((size for size in (8, 4, 2) if scale >= size), 1)


def _header(data: bytes) -> _Header:
    head = _Header()
    position = 2
    while head.markers <= _MAX_MARKERS:
        at = data.find(b"\xff", position)
        if at < 0 or at + 4 > len(data):
            break
        head.markers += 1
        head.skipped += at - position
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _WITHOUT_LENGTH:
            position = at + (1 if marker == 0xFF else 2)
            continue
        length = max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        position = at + 2 + length
        if marker == _START_OF_SCAN:
            head.scan = at
            head.is_multiscan |= data[at + 4 : at + 5] != bytes([head.components])
            break
        _read_segment(head, marker, data[at + 4 : position])
    return head


def _read_segment(head: _Header, marker: int, segment: bytes) -> None:
    head.is_unusual |= marker in _UNUSUAL
    if marker in _FRAMES and len(segment) >= 6:
        height, width = struct.unpack_from(">HH", segment, 1)
        head.width, head.height = max(head.width, width), max(head.height, height)
        factors = [(one >> 4, one & 15) for one in segment[7::3]]
        largest = max((across * down for across, down in factors), default=0)
        head.samples = sum(across * down for across, down in factors) / (largest or 1)
        head.components = segment[5]
        head.is_multiscan = marker in _PROGRESSIVE
        head.is_arithmetic = marker in _ARITHMETIC
    elif marker == 0xE1 and segment.startswith(b"Exif"):
        head.exif += len(segment)
    elif marker == 0xE2 and segment.startswith(_ICC):
        head.has_profile = True
    elif marker == 0xED:
        head.resources += len(segment)
