"""GIF: the size of the screen and of its first frames, and how its blocks are cut."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from imagefinder.images.cost.cost import Cost, of_pixels

_MAX_COMMENTS = 10_000
_FRAMES = 16
"""Frames looked at: as many as are decoded at most."""


@dataclass
class _Header:
    """What the blocks say."""

    width: int = 0
    height: int = 0
    frames: int = 0
    blocks: int = 0
    comments: int = 0
    """Comments, and the blocks that they are cut into; Pillow joins them one by one."""


def gif_cost(data: bytes) -> Cost:
    """Unreliable for an animation, of which several frames may be tried."""
    most = 2_000 + len(data) // 32
    head = _header(data, most)
    if head.blocks > most:
        return Cost(seconds=float("inf"), reason=f"more than {most:,} blocks")
    if head.comments > _MAX_COMMENTS:
        return Cost(seconds=float("inf"), reason=f"more than {_MAX_COMMENTS:,} comments")
    is_still = head.frames <= 1
    cost = of_pixels(head.width, head.height, 6 if is_still else 18, speed=60)
    cost = replace(cost, is_reliable=is_still)
    cost = cost.plus(head.comments**2 * 1.5e-8, reason=f"{head.comments:,} comments")
    return cost.plus(head.blocks * 2e-6, reason=f"{head.blocks:,} blocks")


def _header(data: bytes, most: int) -> _Header:
    head = _Header()
    if len(data) < 13:
        return head
    head.width, head.height = struct.unpack_from("<HH", data, 6)
    position = 13 + _palette(data[10])
    while position + 10 < len(data) and head.frames < _FRAMES and head.blocks <= most:
        introducer = data[position]
        if introducer == 0x3B:
            break
        head.blocks += 1
        if introducer == 0x21:
            before = head.blocks
            is_comment = data[position + 1] == 0xFE
            position = _skip_blocks(head, data, position + 2, most)
            head.comments += 1 + head.blocks - before if is_comment else 0
        elif introducer == 0x2C:
            _read_frame(head, data, position)
            position += 11 + _palette(data[position + 9])
            position = _skip_blocks(head, data, position, most)
        else:
            position += 1
    return head


def _read_frame(head: _Header, data: bytes, position: int) -> None:
    left, top, width, height = struct.unpack_from("<4H", data, position + 1)
    head.width, head.height = max(head.width, left + width), max(head.height, top + height)
    head.frames += 1


def _skip_blocks(head: _Header, data: bytes, position: int, most: int) -> int:
    """Where the data blocks that begin here end; they are counted."""
    while position < len(data) and (length := data[position]) and head.blocks <= most:
        head.blocks += 1
        position += 1 + length
    return position + 1


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
