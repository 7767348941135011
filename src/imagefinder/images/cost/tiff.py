"""TIFF: the size of its first pages, how they are cut, and what their tags hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imagefinder.images.cost.cost import Cost, of_pixels
from imagefinder.images.cost.tiff_tags import Page, pages_of

_MAX_PAGES = 16
"""As many as are decoded at most."""
_MAX_TAGS = 4_096
_UNCOMPRESSED = 1
_RELIABLE = frozenset({1, 5, 8, 32_946, 32_773})
"""Compressions whose decoder takes what the number of pixels says: none, LZW, deflate, packbits."""

_USUAL = (b"II*\0", b"MM\0*")
"""Of the other spellings decoders think differently."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _STRIPS = 256, 257, 258, 259, 273
_SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _PROFILE = 277, 278, 322, 323, 324, 34_675


def tiff_cost(data: bytes) -> Cost:
    """Unreliable if there are several pages, for several may be tried, or a rare compression."""
    pages = list(_first(pages_of(data, _MAX_TAGS)))
    costs = [_page_cost(page, len(data)) for page in pages]
    if not costs:
        return Cost()
    largest = max(cost.memory for cost in costs)
    reliable = len(costs) == 1 and pages[0].get(_COMPRESSION, 1) in _RELIABLE
    reliable &= data.startswith(_USUAL)
    return replace(costs[0], memory=largest, is_reliable=reliable)


def _first(pages: Iterator[Page]) -> Iterator[Page]:
    for page, _ in zip(pages, range(_MAX_PAGES), strict=False):
        yield page


def _page_cost(page: Page, size: int) -> Cost:
    if page.tags > _MAX_TAGS:
        return Cost(seconds=float("inf"), reason=f"more than {_MAX_TAGS:,} tags")
    parts, part = _parts(page)
    is_raw = page.get(_COMPRESSION, 1) == _UNCOMPRESSED
    width, height = page.get(_WIDTH, 0), page.get(_HEIGHT, 0)
    cost = of_pixels(width, height, _bytes_a_pixel(page), speed=60)
    slowness = 2e-9 if is_raw else 2e-8
    cost = cost.plus(_row(page) * height * slowness, size if is_raw else part, cost.reason)
    kind = "tiles" if page.counts.get(_TILES) else "strips"
    slow = parts * 7e-5 + parts**2 * 2e-10 if is_raw else parts * 2e-5
    cost = cost.plus(slow, parts * 500, f"{parts:,} {kind}")
    numbers = page.numbers * 1.5e-7 + page.fractions * 4e-6
    kept = page.numbers * 50 + page.fractions * 400 + page.size
    values = page.numbers + page.fractions
    return cost.plus(numbers + page.size * 1e-9, kept, f"{values:,} values of tags")


def _bytes_a_pixel(page: Page) -> float:
    samples, bits = page.get(_SAMPLES, 1), page.get(_BITS, 1)
    if samples > 1:
        memory = 17.0 if samples > 3 or samples == 2 else 5.0
        memory += 8.0 if bits > 8 else 0.0  # decoded once more if it is dark
    elif bits >= 32:
        memory = 30.0
    else:
        memory = 14.0 if bits > 8 else 6.0
    return memory + (4 if page.counts.get(_PROFILE) else 0)


def _row(page: Page) -> int:
    return (page.get(_WIDTH, 0) * page.get(_SAMPLES, 1) * page.get(_BITS, 1) + 7) // 8


def _parts(page: Page) -> tuple[int, int]:
    """How many strips or tiles are decoded, and the bytes of one."""
    width, height = page.get(_WIDTH, 0), page.get(_HEIGHT, 0)
    listed = max(page.counts.get(_STRIPS, 0), page.counts.get(_TILES, 0))
    strip = min(height, page.get(_ROWS, height)) * _row(page)
    if not page.counts.get(_TILES):
        return listed, strip
    across, down = page.get(_TILE_WIDTH, width or 1), page.get(_TILE_HEIGHT, height or 1)
    pixel = page.get(_SAMPLES, 1) * max(8, page.get(_BITS, 1)) // 8
    return listed, max(across * down * pixel, strip if page.counts.get(_STRIPS) else 0)
