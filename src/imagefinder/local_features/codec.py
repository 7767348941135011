"""Local features in few bytes: 8 bits for each number of a descriptor, 16 for a coordinate."""

from __future__ import annotations

import numpy as np

from imagefinder.similarity import unit
from imagefinder.types import LocalFeatures, Points

_SHARES = np.iinfo(np.uint16).max
_LEVELS = np.iinfo(np.uint8).max


def packed(local: LocalFeatures) -> bytes:
    """The range of the descriptors' numbers, the points, and the descriptors as steps of it."""
    if not len(local):
        return b""
    descriptors = local.descriptors
    low, high = float(descriptors.min()), float(descriptors.max())
    steps = np.rint((descriptors - low) * (_LEVELS / ((high - low) or 1)))
    points = np.rint(np.clip(local.points, 0, 1) * _SHARES)
    return b"".join(
        [
            np.array([low, high], "<f4").tobytes(),
            points.astype("<u2").tobytes(),
            steps.astype(np.uint8).tobytes(),
        ]
    )


def unpacked(blob: bytes, dim: int) -> LocalFeatures:
    """Points within 1/65535 of what they were, and rows of length 1 again.

    Raises ValueError for bytes that cannot have been packed.
    """
    if not blob:
        return LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, dim), np.float32))
    count, rest = divmod(len(blob) - 8, 4 + dim)
    low, high = np.frombuffer(blob, "<f4", 2)
    if rest or count < 1 or not (abs(low) < 2 and abs(high) < 2):  # rows of length 1
        raise ValueError("its local features are none")
    points = np.frombuffer(blob, "<u2", 2 * count, 8).reshape(count, 2)
    steps = np.frombuffer(blob, np.uint8, offset=8 + 4 * count).reshape(count, dim)
    descriptors = low + steps * np.float32((high - low) / _LEVELS)
    shares: Points = points.astype(np.float32) / np.float32(_SHARES)
    return LocalFeatures(shares, unit(descriptors))
