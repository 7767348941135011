"""The web page: its files, which need nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_HEADERS = {
    "Cache-Control": "no-cache",  # asked for again each time, and answered 304
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; media-src 'self' blob:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}


class PageFiles(StaticFiles):
    """What the page is made of."""

    def __init__(self) -> None:
        super().__init__(directory=Path(__file__).parent.parent / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See StaticFiles."""
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


files = PageFiles()
router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    """The page itself."""
    return await files.get_response("index.html", request.scope)
