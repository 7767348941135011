"""The files of stored images: where one still lies unchanged, and how its answer is cached."""

from __future__ import annotations

import os
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

from fastapi import HTTPException, Request, Response

from imagefinder.types import File, Record

_FRESH = "private, max-age=86400"


def place_of(record: Record) -> File | None:
    """The first of an image's places where it can be read, and is as it was when it was added."""
    for file in record.files:
        try:
            now = os.stat(file.path)
        except OSError:
            continue
        same = (now.st_size, now.st_mtime_ns) == (record.size, file.mtime_ns)
        if same and os.access(file.path, os.R_OK):
            return file
    return None


def lying(record: Record) -> File:
    """The same; 410 if there is none."""
    file = place_of(record)
    if file is None and not record.files:
        raise HTTPException(410, "the image was given in memory: there is no file of it")
    if file is None:
        raise HTTPException(410, "its file is gone, or has changed since it was added")
    return file


def caching(etag: str, file: File) -> dict[str, str]:
    """Headers by which a browser need not ask again for a day, and then only whether it changed."""
    modified = formatdate(file.mtime_ns // 10**9, usegmt=True)
    return {"ETag": f'"{etag}"', "Last-Modified": modified, "Cache-Control": _FRESH}


def unchanged(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 if the sender has it (RFC 9110, 13.2.2: an entity tag counts more than a time)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        named = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        has = bool(named & {"*", headers["ETag"]})
    else:
        has = _since(request.headers.get("if-modified-since"), headers["Last-Modified"])
    return Response(status_code=304, headers=dict(headers)) if has else None


def _since(given: str | None, modified: str) -> bool:
    try:
        return given is not None and parsedate_to_datetime(modified) <= parsedate_to_datetime(given)
    except (ValueError, TypeError):  # no date, or one of no time zone
        return False
