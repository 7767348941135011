"""The files of stored images: opening one that is unchanged, and HTTP caching of it."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import formatdate

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from imagefinder.images.decode import Source
from imagefinder.images.opened_files import OpenedFile, open_stored
from imagefinder.server.kept_thumbnails import kept_thumbnail
from imagefinder.server.settings import Settings
from imagefinder.types import File, Record

_CACHE_CONTROL = "private, max-age=86400"
_LAST_SECOND = 253_402_300_799
"""Of the year 9999."""
_conditions = StaticFiles()


def open_file(record: Record, settings: Settings) -> OpenedFile:
    """The first of an image's files that is unchanged and may be served; 410 if there is none."""
    opened = open_stored(record, settings.may_open)
    if opened is not None:
        return opened
    if not record.files:
        raise HTTPException(410, "the image was added from memory: it has no file")
    if not any(map(settings.may_open, record.files)):
        raise HTTPException(
            410, "the image was imported: its file is served if the server has a --root for it"
        )
    raise HTTPException(410, "the image's file is missing, or has changed since it was added")


@contextmanager
def required_file(record: Record, settings: Settings) -> Iterator[OpenedFile]:
    """``open_file``, closed at the end."""
    opened = open_file(record, settings)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def thumbnail_source(record: Record, settings: Settings) -> Iterator[tuple[Source, int]]:
    """What a thumbnail is made from, and its time in ns: the file, or else a kept thumbnail."""
    kept = None if record.files else _kept(settings, record)
    if kept is not None:
        yield kept
        return
    with required_file(record, settings) as opened:
        yield opened.stream, opened.file.mtime_ns


def _kept(settings: Settings, record: Record) -> tuple[bytes, int] | None:
    path = kept_thumbnail(settings.thumbnails, record)
    if path is not None:
        with suppress(OSError):  # removed meanwhile
            return path.read_bytes(), path.stat().st_mtime_ns
    return None


def media_type_of(file: File) -> str:
    """By its name; what is no image by its name is shown by no browser."""
    media_type, _ = mimetypes.guess_type(file.path)
    is_image = media_type is not None and media_type.startswith("image/")
    return media_type if is_image and media_type else "application/octet-stream"


def cache_headers(etag: str, mtime_ns: int) -> dict[str, str]:
    """Headers that let a browser reuse a response for a day, and revalidate it afterwards."""
    seconds = min(max(mtime_ns // 10**9, 0), _LAST_SECOND)
    modified = formatdate(seconds, usegmt=True)
    return {"ETag": f'"{etag}"', "Last-Modified": modified, "Cache-Control": _CACHE_CONTROL}


def document_headers(document: BaseModel) -> dict[str, str]:
    """Headers that let a client ask whether a document is still the same."""
    digest = hashlib.sha256(document.model_dump_json().encode()).hexdigest()
    return {"ETag": f'"{digest[:32]}"', "Cache-Control": "private, no-cache"}


def check_unchanged(document: BaseModel, condition: str) -> None:
    """412 unless an If-Match header names the document's ETag, or any (RFC 9110, 13.1.1)."""
    tags = {tag.strip() for tag in condition.split(",")}
    if not tags & {"*", document_headers(document)["ETag"]}:
        raise HTTPException(412, "it has been changed since: read it again, and send its new ETag")


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 if the client has the current version (RFC 9110, 13.2.2), before any work is done."""
    response = Headers(headers)
    unchanged = _conditions.is_not_modified(response, request.headers)
    return NotModifiedResponse(response) if unchanged else None
