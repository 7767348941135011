"""Scalar quantization of local features: 8 bits per descriptor value, 16 per coordinate."""

from __future__ import annotations

import numpy as np

from imagefinder.similarity import unit
from imagefinder.types import LocalFeatures, Points

_MAX_COORDINATE = np.iinfo(np.uint16).max
_MAX_CODE = np.iinfo(np.uint8).max


def pack(local: LocalFeatures) -> bytes:
    """The range of the descriptors' values, the points, and the descriptors as codes in it."""
    if not len(local):
        return b""
    descriptors = local.descriptors
    low, high = float(descriptors.min()), float(descriptors.max())
    codes = np.rint((descriptors - low) * (_MAX_CODE / ((high - low) or 1)))
    points = np.rint(np.clip(local.points, 0, 1) * _MAX_COORDINATE)
    return b"".join(
        [
            np.array([low, high], "<f4").tobytes(),
            points.astype("<u2").tobytes(),
            codes.astype(np.uint8).tobytes(),
        ]
    )


def unpack(blob: bytes, dim: int) -> LocalFeatures:
    """The inverse: points to within 1/65535, and unit descriptors again.

    Raises ValueError for bytes that ``pack`` cannot have made.
    """
    if not blob:
        return LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, dim), np.float32))
    count, rest = divmod(len(blob) - 8, 4 + dim)
    low, high = np.frombuffer(blob, "<f4", 2)
    if rest or count < 1 or not (abs(low) < 2 and abs(high) < 2):  # unit descriptors
        raise ValueError("invalid local features")
    points = np.frombuffer(blob, "<u2", 2 * count, 8).reshape(count, 2)
    codes = np.frombuffer(blob, np.uint8, offset=8 + 4 * count).reshape(count, dim)
    descriptors = low + codes * np.float32((high - low) / _MAX_CODE)
    fractions: Points = points.astype(np.float32) / np.float32(_MAX_COORDINATE)
    return LocalFeatures(fractions, unit(descriptors))
