"""The web interface: static files without external resources."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_HEADERS = {
    "Cache-Control": "no-cache",  # revalidated every time, usually with a 304
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; media-src 'self' blob:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}


class UiFiles(StaticFiles):
    """Static files, and the script that all maps share, with a strict Content-Security-Policy."""

    def __init__(self) -> None:
        super().__init__(
            directory=Path(__file__).parent.parent / "static",
            packages=[("imagefinder.visualization.map", "shared")],
        )

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See StaticFiles."""
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


static_files = UiFiles()
router = APIRouter(include_in_schema=False)


@router.get("/")
async def index(request: Request) -> Response:
    """The page."""
    return await static_files.get_response("index.html", request.scope)
