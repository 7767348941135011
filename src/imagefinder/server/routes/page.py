"""The web page: its files, which need nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FILES = Path(__file__).parent.parent / "static"
_HEADERS = {
    "Cache-Control": "no-cache",  # asked again each time, and answered 304
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; media-src 'self' blob:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}

router = APIRouter(include_in_schema=False)


@router.get("/")
def home() -> FileResponse:
    """The page itself."""
    return FileResponse(_FILES / "index.html", headers=_HEADERS)


class PageFiles(StaticFiles):
    """What the page is made of."""

    def __init__(self) -> None:
        super().__init__(directory=_FILES)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See StaticFiles."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _HEADERS["Cache-Control"]
        return response
