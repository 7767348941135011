"""From the fields of a form to what a Finder searches with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import HTTPException, UploadFile

from imagefinder.errors import ImageFinderError
from imagefinder.images.files import read
from imagefinder.server.catalogues import Catalogue
from imagefinder.server.dependencies import record_of
from imagefinder.server.image_files import lying
from imagefinder.server.settings import Fetch
from imagefinder.types import Box, Record

_MOST = 16
"""Images that a search may be given."""
_CONDITIONS = 32


def images(
    catalogue: Catalogue,
    files: Sequence[UploadFile] | None,
    ids: Sequence[str] | None,
    urls: Sequence[str] | None,
    fetch: Fetch | None,
) -> list[bytes | Record]:
    """Uploads, stored images and images of elsewhere, in this order."""
    if sum(len(given or ()) for given in (files, ids, urls)) > _MOST:
        raise HTTPException(422, f"a search takes at most {_MOST} images")
    stored = [record_of(catalogue, id_) for id_ in ids or ()]
    if urls and fetch is None:
        raise HTTPException(403, "this server does not fetch images from URLs: upload them")
    return [
        *(file.file.read() for file in files or ()),
        *stored,
        *(_fetched(urls, fetch) if urls and fetch else ()),
    ]


def contents(
    catalogue: Catalogue,
    files: Sequence[UploadFile] | None,
    ids: Sequence[str] | None,
    urls: Sequence[str] | None,
    fetch: Fetch | None,
) -> list[bytes]:
    """The same as their bytes: of stored images, those of their files."""
    return [
        read(lying(one).path) if isinstance(one, Record) else one
        for one in images(catalogue, files, ids, urls, fetch)
    ]


def box(text: str | None) -> Box | None:
    """``x,y,width,height`` in pixels."""
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(_is_number(part) for part in parts):
        raise HTTPException(422, "crop: it is written x,y,width,height in pixels")
    left, top, width, height = map(int, parts)
    return left, top, width, height


def metadata(text: str | None, field: str) -> dict[str, Any] | None:
    """An object of JSON; None if there is nothing."""
    if not text:
        return None
    try:
        given = json.loads(text, parse_constant=_refused)
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise HTTPException(422, f'{field}: it is an object of JSON, such as {{"room": "kitchen"}}')
    return given


def conditions(text: str | None) -> dict[str, Any] | None:
    """Metadata to look for: names, and values that are no lists or objects."""
    given = metadata(text, "where")
    if given and len(given) > _CONDITIONS:
        raise HTTPException(422, f"where: at most {_CONDITIONS} names")
    for name, value in (given or {}).items():
        if isinstance(value, list | dict) or '"' in name or "\\" in name or "\0" in name:
            raise HTTPException(422, "where: names have texts, numbers, true, false or null")
    return given


def _fetched(urls: Sequence[str], fetch: Fetch) -> list[bytes]:
    try:
        return fetch(urls)
    except ImageFinderError as error:  # which speaks of the URL, and of nothing here
        raise HTTPException(422, f"url: {error}") from error


def _is_number(text: str) -> bool:
    return len(text) < 10 and text.strip().isascii() and text.strip().isdecimal()


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number that JSON knows")
