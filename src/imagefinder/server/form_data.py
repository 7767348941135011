"""Forms as clients really send them, parsed within limits: what FastAPI's own parser lacks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import aclosing
from io import BytesIO
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.types import Receive, Scope

from imagefinder.images.data_urls import data_of
from imagefinder.server.strict_route import StrictRoute, check_fields

_FILE_FIELDS = ("image", "minus")
_MAX_FILES = 32
_MAX_FIELDS = 64
_MAX_TEXT = 256 * 1024
"""Bytes of one field that is not a file."""
_MULTIPART, _URLENCODED = b"multipart/form-data", b"application/x-www-form-urlencoded"
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")
_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*utf-8'[\w-]*'([^\s;\"]+)", re.IGNORECASE)
_MAX_SHOWN = 60


class AnyFormRoute(APIRoute):
    """A route whose form is parsed here. It takes each field once, and passes over unknown ones."""

    repeatable: ClassVar[frozenset[str]] = frozenset()

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handle_form(request: Request) -> Response:
            return await handle(_FormRequest(request.scope, request.receive, self))

        return handle_form

    def check(self, form: FormData) -> None:
        """Raises HTTPException for a form that has other fields."""


class FormRoute(StrictRoute, AnyFormRoute):
    """A route that takes each field of its form once, and refuses unknown ones."""

    def check(self, form: FormData) -> None:
        """See AnyFormRoute."""
        check_fields(form, self.fields)


class ImagesFormRoute(FormRoute):
    """A route that takes several images."""

    repeatable = frozenset(("image", "minus", "id", "minus_id", "url", "measure"))


class _FormRequest(Request):
    def __init__(self, scope: Scope, receive: Receive, route: AnyFormRoute) -> None:
        super().__init__(scope, receive)
        self._route = route

    async def _get_form(self, **_: Any) -> FormData:
        if self._form is None:
            kind, options = parse_options_header(self.headers.get("Content-Type"))
            self._check_encoding(kind, options.get(b"charset", b"utf-8"))
            try:
                form = await self._parsed(kind)
            except MultiPartException as error:
                raise HTTPException(400, f"the form is damaged: {error.message}") from error
            try:
                finished = await _finished(form, self._route.repeatable)
                self._route.check(finished)
            except HTTPException:
                await form.close()
                raise
            self._form = finished
        return self._form

    async def _parsed(self, kind: bytes) -> FormData:
        if kind not in (_MULTIPART, _URLENCODED):
            return FormData()  # no body at all
        limits = {"max_fields": _MAX_FIELDS, "max_part_size": _MAX_TEXT}
        async with aclosing(self.stream()) as stream:
            if kind == _URLENCODED:
                return await FormParser(self.headers, stream, **limits).parse()
            return await _Parser(self.headers, stream, max_files=_MAX_FILES, **limits).parse()

    def _check_encoding(self, kind: bytes, charset: bytes) -> None:
        if self.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise HTTPException(415, "send the form without Content-Encoding")
        # the codecs of Python are many, and one of them takes minutes for a megabyte
        if charset.strip().lower().decode("latin-1") not in _UTF_8:
            raise HTTPException(415, "forms are read as UTF-8: leave out the charset")
        has_body = self.headers.get("Content-Length", "0") != "0"
        has_body = has_body or "Transfer-Encoding" in self.headers
        if has_body and kind not in (_MULTIPART, _URLENCODED):
            raise HTTPException(
                415,
                "send a form (multipart/form-data) with the image in the field image: "
                "curl -F image=@FILE does",
            )


class _Parser(MultiPartParser):
    """Takes what is sent as a file's field for a file, whether or not it has a file's name."""

    has_ended = False

    def on_end(self) -> None:
        """The closing boundary has come."""
        self.has_ended = True

    async def parse(self) -> FormData:
        """Raises MultiPartException, also for a form that is cut short."""
        self.stream = self._whole(self.stream)
        return await super().parse()

    async def _whole(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self.has_ended:
            raise MultiPartException("it is cut short, for its closing boundary is missing")

    def on_headers_finished(self) -> None:
        """Complete the part's disposition by a name that is given in another way, or not at all."""
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        extended = _EXTENDED_NAME.search(part.content_disposition or b"")
        if extended and part.content_disposition:
            part.content_disposition = part.content_disposition[: extended.start()]
            options.pop(b"filename", None)
            name = unquote_to_bytes(extended[1])
        else:
            name = b""
        is_file = options.get(b"name", b"").decode("latin-1") in _FILE_FIELDS
        if part.content_disposition and b"filename" not in options and (extended or is_file):
            quoted = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            part.content_disposition += b'; filename="' + quoted + b'"'
        super().on_headers_finished()


async def _finished(form: FormData, repeatable: Collection[str]) -> FormData:
    """Texts that stand for files become files or errors. Raises HTTPException."""
    counts = Counter(name for name, _ in form.multi_items())
    for name, count in counts.items():
        if count > 1 and name not in repeatable:
            raise HTTPException(
                422, f"{name[:_MAX_SHOWN]}: given {count} times, but a request takes one"
            )
    kept: list[tuple[str, UploadFile | str]] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name not in _FILE_FIELDS:
            detail = f"{name[:_MAX_SHOWN]}: no such field for a file: name it image"
            raise HTTPException(422, detail)
        file = await _file_of(name, value) if name in _FILE_FIELDS else value
        if file is not None:
            kept.append((name, file))
    return FormData(kept)


async def _file_of(name: str, value: UploadFile | str) -> UploadFile | None:
    """None for what a browser sends if no file is chosen."""
    if isinstance(value, str):
        text = value.encode()
    elif value.filename:
        return value
    else:
        text = await value.read()
        await value.close()
    if not text:
        return None
    decoded = await run_in_threadpool(_decoded, name, text)
    return UploadFile(BytesIO(decoded), size=len(decoded), filename="")


def _decoded(name: str, data: bytes) -> bytes:
    """The bytes of an image that came without a file's name."""
    try:
        if (written := data_of(data)) is not None:
            return written
    except ValueError as error:
        raise HTTPException(422, f"{name}: {error}") from None
    if (text := _as_text(data)) is not None:
        raise HTTPException(
            422,
            f"{name}: expected a file, not the text {text[:_MAX_SHOWN]!r}: "
            f"curl sends a file with -F {name}=@FILE",
        )
    return data


def _as_text(data: bytes) -> str | None:
    """No image is text: each format has bytes that are no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
