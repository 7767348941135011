"""The URLs in a cell, however they were put there, and the column that holds them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from imagefinder.errors import DownloadError
from imagefinder.images.formats import SUFFIXES

# a blank, a comma or a semicolon may be part of a URL, and parts two of them only before a third
_BETWEEN = re.compile(r"[|\n\r\t]+|[\s,;]+(?=(?:https?:)?//)", re.IGNORECASE)
_URL = re.compile(r"(?:https?:)?//[^\s/]", re.IGNORECASE)
_NOTHING = frozenset(("", "null", "none", "nan", "n/a", "na", "-", "[]", "{}"))
_KEYS = ("url", "src", "href", "link", "image")

_TELLING = re.compile(r"image|img|photo|pic|foto|bild", re.IGNORECASE)
_SMALL = re.compile(r"thumb|icon|logo|avatar|small", re.IGNORECASE)
_LINK = re.compile(r"ur[li]|link|src|href", re.IGNORECASE)


def urls_in(cell: Any) -> list[str]:
    """What stands in a cell for a URL each, in order, whether or not it is one.

    Alone, with ``|``, line breaks or tabs between them, commas or blanks, or as a list in JSON or
    in Python's way of writing; of a mapping, its ``url`` or the like. ``//host/…`` is taken as
    https. Empty cells, and words that stand for nothing, give none.
    """
    if isinstance(cell, Mapping):
        return next((urls_in(cell[key]) for key in _KEYS if cell.get(key)), [])
    if isinstance(cell, list | tuple):
        return list(dict.fromkeys(url for item in cell for url in urls_in(item)))
    if not isinstance(cell, str):
        return []
    text = cell.strip()
    listed = _listed(text) if text.startswith(("[", "{")) else None
    if listed is not None:
        return urls_in(listed)
    parts = (part.strip(" \t\"'") for part in _BETWEEN.split(text))
    kept = (part for part in parts if part.lower() not in _NOTHING)
    return list(dict.fromkeys(f"https:{part}" if part.startswith("//") else part for part in kept))


def url_column(rows: Iterable[Mapping[str, Any]], where: str) -> str:
    """The column that most likely holds images' URLs, told from some rows.

    Of those that hold URLs, one counts more whose URLs end as images' names do or whose name
    speaks of images, and less if it speaks of small ones. Raises DownloadError if there is none.
    """
    cells: dict[str, list[list[str]]] = {}
    for row in rows:
        for name, cell in row.items():
            cells.setdefault(name, []).append([url for url in urls_in(cell) if is_url(url)])
    scores = {name: _likely(name, found) for name, found in cells.items() if any(found)}
    if not scores:
        known = ", ".join(list(cells)[:20]) or "none"
        raise DownloadError(
            f"{where}: no column holds URLs in its first rows; name one with --column "
            f"(the columns: {known})"
        )
    return max(scores, key=lambda name: scores[name])


def is_url(text: str) -> bool:
    """Whether it begins as a URL does."""
    return _URL.match(text) is not None


def _likely(name: str, found: list[list[str]]) -> float:
    filled = [urls for urls in found if urls]
    images = sum(any(_ends_as_an_image(url) for url in urls) for urls in filled)
    words = (_TELLING, 0.5), (_LINK, 0.25), (_SMALL, -0.5)
    named = sum(worth for word, worth in words if word.search(name))
    return len(filled) / len(found) + images / len(filled) + named


def _ends_as_an_image(url: str) -> bool:
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return f".{path.rpartition('.')[2].lower()}" in SUFFIXES


def _listed(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None
