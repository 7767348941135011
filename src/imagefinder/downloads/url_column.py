"""URL column detection, and the URLs in a cell, in whatever form they are written."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from imagefinder.errors import DownloadError
from imagefinder.images.formats import SUFFIXES

# a space, a comma, a semicolon or a bar may be part of a URL: it separates two only before another
_BETWEEN = re.compile(r"[\n\r\t]+|[\s,;|]+(?=(?:https?:)?//)|[\s|]+$", re.IGNORECASE)
_MOST_LITERAL = 2**16  # characters: Python's own reader takes hundreds of times as many bytes
_URL = re.compile(r"(?:https?:)?//[^\s/]", re.IGNORECASE)
_EMPTY = frozenset(("", "null", "none", "nan", "n/a", "na", "-", "[]", "{}"))
_DEEPEST = 32  # levels of lists and objects
_KEYS = ("url", "src", "href", "link", "image")

_IMAGE = re.compile(r"image|img|photo|pic|foto|bild", re.IGNORECASE)
_THUMBNAIL = re.compile(r"thumb|icon|logo|avatar|small", re.IGNORECASE)
_LINK = re.compile(r"ur[li]|link|src|href", re.IGNORECASE)


def urls_in(cell: Any, levels: int = _DEEPEST) -> list[str]:
    """The URLs written in a cell, in order and without duplicates; they are not validated.

    A single one; several separated by ``|``, line breaks, tabs, commas or spaces; a list in JSON or
    Python notation; or a mapping with a key such as ``url``. ``//host/…`` is read as https. Empty
    cells, words such as ``null`` and what is nested deeper give none.
    """
    if levels == 0:
        return []
    if isinstance(cell, Mapping):
        return next((urls_in(cell[key], levels - 1) for key in _KEYS if cell.get(key)), [])
    if isinstance(cell, list | tuple):
        found = (urls_in(item, levels - 1) for item in cell)
        return list(dict.fromkeys(chain.from_iterable(found)))
    if not isinstance(cell, str):
        return []
    text = cell.strip()
    listed = _listed(text) if text.startswith(("[", "{")) else None
    if listed is not None:
        return urls_in(listed, levels - 1)
    parts = (part.strip(" \t\"'") for part in _BETWEEN.split(text))
    urls = (part for part in parts if part.lower() not in _EMPTY)
    return list(dict.fromkeys(f"https:{url}" if url.startswith("//") else url for url in urls))


def url_column(rows: Iterable[Mapping[str, Any]], where: str) -> str:
    """The column that most likely holds the URLs of images, judging by some rows.

    Among the columns of URLs, image suffixes and a name such as ``image`` count for one, a name
    such as ``thumbnail`` against it. Raises DownloadError if there is none.
    """
    cells: dict[str, list[list[str]]] = {}
    for row in rows:
        for name, cell in row.items():
            cells.setdefault(name, []).append([url for url in urls_in(cell) if is_url(url)])
    scores = {name: _score(name, found) for name, found in cells.items() if any(found)}
    if not scores:
        known = ", ".join(list(cells)[:20]) or "none"
        raise DownloadError(
            f"{where}: no column has URLs in its first rows; choose one with --column "
            f"(columns: {known})"
        )
    return max(scores, key=lambda name: scores[name])


def is_url(text: str) -> bool:
    """Whether it starts like a URL."""
    return _URL.match(text) is not None


def _score(name: str, found: list[list[str]]) -> float:
    filled = [urls for urls in found if urls]
    images = sum(any(has_image_suffix(url) for url in urls) for urls in filled)
    words = (_IMAGE, 0.5), (_LINK, 0.25), (_THUMBNAIL, -0.5)
    named = sum(worth for word, worth in words if word.search(name))
    return len(filled) / len(found) + images / len(filled) + named


def has_image_suffix(url: str) -> bool:
    """Whether its path ends as the name of an image does."""
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return f".{path.rpartition('.')[2].lower()}" in SUFFIXES


def _listed(text: str) -> Any:
    for read in (json.loads, ast.literal_eval)[: 2 if len(text) <= _MOST_LITERAL else 1]:
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found
    return None
