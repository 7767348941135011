"""The response with a file that is open already: whole, or a range of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from imagefinder.images.opened_files import OpenedFile

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


class OpenFileResponse(Response):
    """Starlette's opens a path anew, which may be another file by then."""

    def __init__(
        self, opened: OpenedFile, request: Headers, headers: Mapping[str, str], media_type: str
    ) -> None:
        """Closes the file at the end. Raises HTTPException for a range that is not in the file."""
        self._opened = opened
        size = os.fstat(opened.stream.fileno()).st_size
        first, self._left = _range_of(request, headers, size)
        opened.stream.seek(first)
        is_part = self._left < size
        own = {"Accept-Ranges": "bytes", "Content-Length": str(self._left)}
        if is_part:
            own["Content-Range"] = f"bytes {first}-{first + self._left - 1}/{size}"
        self.status_code = 206 if is_part else 200
        self.media_type = media_type
        self.background: BackgroundTask | None = None
        self.body = b""
        self.init_headers({**headers, **own})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it piece by piece."""
        stream = self._opened.stream
        head = {"type": "http.response.start", "status": self.status_code}
        try:
            await send({**head, "headers": self.raw_headers})
            while self._left:
                chunk = await run_in_threadpool(stream.read, min(_CHUNK, self._left))
                if not chunk:  # cut short in the meantime
                    return
                self._left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            stream.close()


def _range_of(request: Headers, response: Mapping[str, str], size: int) -> tuple[int, int]:
    """The first byte asked for, and how many. What is no single range counts as the whole file."""
    match = _RANGE.fullmatch(request.get("range", ""))
    condition = request.get("if-range", "")
    is_current = condition in ("", response.get("ETag"), response.get("Last-Modified"))
    if not match or not is_current or match[1] == match[2] == "":
        return 0, size
    if match[1]:
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
    else:  # so many at the end
        first, last = max(0, size - int(match[2])), size - 1
    if match[2] and match[1] and int(match[2]) < first:
        return 0, size
    if first >= size or last < first:
        detail = "the range is not in the file"
        raise HTTPException(416, detail, {"Content-Range": f"bytes */{size}"})
    return first, last - first + 1
