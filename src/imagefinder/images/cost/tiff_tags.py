"""The tags of a TIFF file's pages, of the classic and of the 64-bit format."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_FRACTIONS = frozenset({5, 10})
_TEXTS = frozenset({1, 2, 6, 7})
"""Types whose values stay bytes."""
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {3: "H", 4: "I", 8: "H", 9: "I", 13: "I", 16: "Q"}
"""Signed ones too: a negative size is refused as a large one."""


@dataclass
class Page:
    """What a decoder reads before the pixels."""

    values: dict[int, int] = field(default_factory=dict)
    """The largest first value of each tag, should it be there twice."""
    counts: dict[int, int] = field(default_factory=dict)
    tags: int = 0
    size: int = 0
    """Bytes of all tags; they may overlap in the file."""
    numbers: int = 0
    fractions: int = 0

    def get(self, tag: int, default: int) -> int:
        """The value of a tag."""
        return self.values.get(tag) or default


def pages_of(data: bytes, most: int) -> Iterator[Page]:
    """Its pages, of each at most the first tags; as much of them as is there."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in (data[2], data[3])
    (at,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    seen: set[int] = set()
    while at and at not in seen and at < len(data):
        seen.add(at)
        page, at = _page(data, at, order, is_big, most)
        yield page


def _page(data: bytes, at: int, order: str, is_big: bool, most: int) -> tuple[Page, int]:
    page = Page()
    entry = struct.Struct(order + ("HHQ8s" if is_big else "HHI4s"))
    try:
        (page.tags,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, at)
        at += 8 if is_big else 2
        for _ in range(min(page.tags, most)):
            tag, kind, count, value = entry.unpack_from(data, at)
            _read_tag(page, tag, kind, count, _located(data, kind, count, value, order))
            at += entry.size
        following: int = struct.unpack_from(order + ("Q" if is_big else "I"), data, at)[0]
    except struct.error:  # truncated: Pillow goes on with what it has, too
        return page, 0
    return page, 0 if page.tags > most else following


def _located(data: bytes, kind: int, count: int, value: bytes, order: str) -> int:
    """The largest of the first values of a tag, which are beside it or elsewhere in the file."""
    form = _INTEGERS.get(kind)
    if form is None:
        return 0
    first = min(count, 4)
    if count * _SIZES.get(kind, 1) <= len(value):
        return int(max(struct.unpack_from(f"{order}{first}{form}", value), default=0))
    (at,) = struct.unpack(order + ("Q" if len(value) == 8 else "I"), value)
    if at + first * struct.calcsize(form) > len(data):
        return 0
    return int(max(struct.unpack_from(f"{order}{first}{form}", data, at), default=0))


def _read_tag(page: Page, tag: int, kind: int, count: int, value: int) -> None:
    page.values[tag] = max(page.values.get(tag, 0), value)
    page.counts[tag] = max(page.counts.get(tag, 0), count)
    page.size += count * _SIZES.get(kind, 1)
    if kind in _FRACTIONS:
        page.fractions += count
    elif kind not in _TEXTS:
        page.numbers += count
