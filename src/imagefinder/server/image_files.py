"""The files of stored images: finding one that is unchanged, and HTTP caching of it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

from fastapi import HTTPException, Request, Response
from starlette.datastructures import Headers
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from imagefinder.images.stored_files import unchanged_file
from imagefinder.types import File, Record

_CACHE_CONTROL = "private, max-age=86400"
_conditions = StaticFiles()


def require_file(record: Record) -> File:
    """The first readable, unchanged file of an image; 410 if there is none."""
    file = unchanged_file(record)
    if file is None and not record.files:
        raise HTTPException(410, "the image was added from memory: it has no file")
    if file is None:
        raise HTTPException(410, "the image's file is missing, or has changed since it was added")
    return file


def cache_headers(etag: str, file: File) -> dict[str, str]:
    """Headers that let a browser reuse a response for a day, and revalidate it afterwards."""
    modified = formatdate(file.mtime_ns // 10**9, usegmt=True)
    return {"ETag": f'"{etag}"', "Last-Modified": modified, "Cache-Control": _CACHE_CONTROL}


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 if the client has the current version (RFC 9110, 13.2.2), before any work is done."""
    response = Headers(headers)
    unchanged = _conditions.is_not_modified(response, request.headers)
    return NotModifiedResponse(response) if unchanged else None
