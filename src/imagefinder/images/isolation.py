"""Isolation: which images are decoded in a process of their own, and with what limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import cores
from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images.budget import BUDGET
from imagefinder.images.cost.cost import Cost
from imagefinder.images.decoding_pool import POOL
from imagefinder.images.limits import Limits
from imagefinder.types import Resize

_PART_MEMORY, _PART_TIME = 4, 6
_SLACK = 128 * 2**20
_STACK = 16 * 2**20
"""Of the threads of a decoder, of which there are as many as cores."""
_ERRORS = {kind.__name__: kind for kind in (ImageTooLarge, UnreadableImage)}


def is_costly(cost: Cost, limits: Limits) -> bool:
    """Whether it may take long, or more memory than is kept for quick images, or nobody knows."""
    is_slow = cost.seconds > limits.max_seconds / 10
    return is_slow or not cost.is_reliable or not BUDGET.fits_quick(cost.memory)


def cost_of_part(cost: Cost) -> Cost:
    """Of decoding what is there of a truncated image: up to six times, and comparing two."""
    memory, seconds = _PART_MEMORY * cost.memory, _PART_TIME * cost.seconds
    return replace(cost, memory=memory, seconds=seconds, is_reliable=False)


def decode_isolated(
    data: bytes, resizes: Sequence[Resize | None], limits: Limits, cost: Cost
) -> list[dict[str, Any] | None] | None:
    """The fields of each ``Decoded``; None if no process can be started on this computer.

    Raises UnreadableImage, or ImageTooLarge if it takes much longer than its cost says, or more
    memory.
    """
    seconds = min(limits.max_seconds, limits.max_seconds / 4 + 5 * cost.seconds)
    factor = _PART_MEMORY if limits.allow_truncated else 1.5
    memory = round(cost.memory * factor) + 2 * len(data) + _SLACK + _STACK * cores()
    header = {
        "resizes": [resize and asdict(resize) for resize in resizes],
        "limits": asdict(limits),
        "memory": memory,
        "seconds": seconds + 1,  # it should be told, and not end itself
    }
    answer = POOL.ask(header, data, seconds)
    if answer is None:
        return None
    reply, pixels = answer
    if "error" in reply:
        raise _ERRORS[reply["error"]](reply["text"])
    return list(_with_pixels(reply["images"], np.frombuffer(pixels, np.uint8)))


def _with_pixels(
    images: Sequence[dict[str, Any] | None], pixels: NDArray[np.uint8]
) -> Iterator[dict[str, Any] | None]:
    """Of all images' pixels one after the other, each gets its own."""
    for fields in images:
        if fields is None:
            yield None
            continue
        shape = fields.pop("shape")
        own, pixels = np.split(pixels, [math.prod(shape)])
        yield {**fields, "pixels": own.reshape(shape)}
