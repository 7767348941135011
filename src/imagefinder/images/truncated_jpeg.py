"""Truncated JPEGs that may be there as a whole: without the end mark, or without finer details."""

from __future__ import annotations

from enum import Enum

SOI = b"\xff\xd8"
_SOF_PROGRESSIVE, _DRI, _SOS, _EOI = b"\xff\xc2", b"\xff\xdd", b"\xff\xda", b"\xff\xd9"
_NOISE = b"\x5a\xa6" * 2048


class Coding(Enum):
    """How a JPEG is coded, as far as it matters here."""

    SEQUENTIAL = "sequential"
    RESTARTING = "sequential, with restart markers"
    FIRST_SCAN = "progressive, within the first scan"
    REFINED = "progressive, with the first scan complete"


def coding_of(data: bytes) -> Coding:
    """From the markers before the first scan."""
    place, coding = len(SOI), Coding.SEQUENTIAL
    while data[place : place + 1] == b"\xff":
        marker = data[place : place + 2]
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _SOS:
            is_refined = coding is Coding.FIRST_SCAN and _SOS in data[place + 2 :]
            return Coding.REFINED if is_refined else coding
        if marker == _SOF_PROGRESSIVE:
            coding = Coding.FIRST_SCAN
        elif marker == _DRI and any(data[place + 4 : place + 6]) and coding is Coding.SEQUENTIAL:
            coding = Coding.RESTARTING
        place += 2 + size
    return coding


def endings(data: bytes) -> tuple[bytes, bytes] | None:
    """The data with two ends that give the same image if nothing but details is missing.

    None if that cannot be told: a decoder that waits for a restart marker skips all before it.
    """
    coding = coding_of(data)
    if coding in (Coding.RESTARTING, Coding.FIRST_SCAN):
        return None
    noise = b"" if coding is Coding.REFINED else _NOISE
    data = data.removesuffix(_EOI[:1])  # half a marker would swallow the noise
    return data + _EOI, data + noise + _EOI
