"""Contact sheet: the query and its hits side by side, their verdicts, and where things are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from imagefinder.images.decode import Source, decode
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.stored_files import first_readable
from imagefinder.images.thumbnail_html import REGION_COLOR
from imagefinder.types import Box, Hit, Resize

_SIDE = 240
_GAP = 12
_TEXT = 44  # pixels below each image: two lines
_ACROSS = 5
_FIT = Resize(_SIDE, _SIDE, mode="within")


def contact_sheet(
    query: Source | None, hits: Sequence[Hit], limits: Limits = LIMITS, crop: Box | None = None
) -> PIL.Image.Image:
    """The query image, if there is one, and each hit; the crop and the hits' regions are framed.

    A hit of which no file is left is a gray square. Raises ImageError for a query that cannot be
    decoded.
    """
    cells = [_hit_cell(hit, limits) for hit in hits]
    if query is not None:
        cells.insert(0, _query_cell(query, limits, crop))
    across = max(1, min(_ACROSS, len(cells)))
    rows = -(-len(cells) // across)
    size = across * (_SIDE + _GAP) + _GAP, rows * (_SIDE + _TEXT + _GAP) + _GAP
    sheet = PIL.Image.new("RGB", size, "white")
    for number, cell in enumerate(cells):
        row, column = divmod(number, across)
        at = _GAP + column * (_SIDE + _GAP), _GAP + row * (_SIDE + _TEXT + _GAP)
        sheet.paste(cell, at)
    return sheet


def _query_cell(query: Source, limits: Limits, crop: Box | None) -> PIL.Image.Image:
    decoded = decode(query, _FIT, limits)
    shown = PIL.Image.fromarray(decoded.pixels)
    if crop is not None:
        _frame(shown, crop, decoded.width)
    return _cell(shown, "query", "")


def _hit_cell(hit: Hit, limits: Limits) -> PIL.Image.Image:
    pixels = first_readable(hit.record, lambda file: decode(file, _FIT, limits.for_stored).pixels)
    if pixels is None:
        shown = PIL.Image.new("RGB", (_SIDE, _SIDE), "#dddddd")
    else:
        shown = PIL.Image.fromarray(pixels)
        if hit.region is not None:
            _frame(shown, hit.region, hit.record.width)
    verdict = hit.verdict if hit.is_match else None
    about = "  ".join(filter(None, [f"{hit.rank}.", f"{hit.score:.3f}", verdict]))
    return _cell(shown, about, hit.title or (Path(hit.path).name if hit.path else hit.id))


def _frame(shown: PIL.Image.Image, region: Box, width: int) -> None:
    scale = shown.width / max(1, width)
    left, top, wide, high = (round(side * scale) for side in region)
    corners = (left, top, max(left, left + wide - 1), max(top, top + high - 1))
    PIL.ImageDraw.Draw(shown).rectangle(corners, outline=REGION_COLOR, width=3)


def _cell(shown: PIL.Image.Image, about: str, name: str) -> PIL.Image.Image:
    cell = PIL.Image.new("RGB", (_SIDE, _SIDE + _TEXT), "white")
    cell.paste(shown, ((_SIDE - shown.width) // 2, (_SIDE - shown.height) // 2))
    pen, font = PIL.ImageDraw.Draw(cell), PIL.ImageFont.load_default(14)
    for line, text in enumerate((about, name)):
        pen.text((2, _SIDE + 4 + 18 * line), _clipped(pen, font, text), fill="black", font=font)
    return cell


def _clipped(
    pen: PIL.ImageDraw.ImageDraw,
    font: PIL.ImageFont.ImageFont | PIL.ImageFont.FreeTypeFont,
    text: str,
) -> str:
    """On one line that fits; characters that the font cannot draw are replaced."""
    text = (
        "".join(c if c.isprintable() else "?" for c in text)
        .encode("latin-1", "replace")
        .decode("latin-1")
    )
    while text and pen.textlength(text, font) > _SIDE - 4:
        text = text[:-2].rstrip(".") + "."
    return text
