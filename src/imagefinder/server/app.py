"""The HTTP application: one Finder, opened with the server and closed with it."""

from __future__ import annotations

import logging
import mimetypes
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import numpy as np
import uvicorn
from fastapi import Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline

from imagefinder import __version__
from imagefinder.errors import CalibrationError, ImageError, ImageFinderError, NotFound
from imagefinder.finder import Finder
from imagefinder.server.schemas import Answer, Found, Health, Picture, Problem, name_of
from imagefinder.server.uploads import UploadCap
from imagefinder.types import Record

_MAX_K = 1000
_BLANK = np.full((64, 64, 3), 255, np.uint8)

log = logging.getLogger("uvicorn.error")  # where the server itself says what it does


def create_app(catalogue: Finder | str | os.PathLike[str], max_upload: int = 20_000_000) -> FastAPI:
    """The application for one catalogue, which is closed with it.

    ``max_upload`` caps the bytes of a request. Pictures that other programs add are found at once.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with catalogue if isinstance(catalogue, Finder) else Finder.open(catalogue) as finder:
            app.state.finder = finder
            yield

    app = FastAPIOffline(
        title="ImageFinder",
        description="Find the most similar pictures.",
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
        responses={503: {"model": Problem, "description": "The catalogue or the model is gone"}},
    )
    app.add_middleware(UploadCap, max_bytes=max_upload)
    app.add_exception_handler(ImageFinderError, _unusable)
    app.get("/", include_in_schema=False)(_home)
    app.get("/healthz", summary="Whether the server works")(health)
    app.post("/v1/search", summary="Find the most similar pictures", responses=_REFUSED)(search)
    app.get("/v1/images/{id}", summary="A stored picture's record", responses=_MISSING)(image)
    app.get(
        "/v1/images/{id}/file",
        summary="A stored picture's file",
        response_class=FileResponse,
        responses=_MISSING | _GONE,
    )(image_file)
    return app


def serve(finder: Finder, host: str, port: int, max_upload: int) -> None:
    """Serve until stopped. Raises OSError where it cannot listen, and what a search may raise."""
    finder.search(_BLANK)  # says now if the model is gone, and spares the first request the wait
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(finder, max_upload)))
        taken = listener.getsockname()[1]
        log.info("ImageFinder is running on http://%s:%d (Ctrl-C stops it)", host, taken)
        server.run(sockets=[listener])


def _finder(request: Request) -> Finder:
    finder: Finder = request.app.state.finder
    return finder


def _record(id: str, finder: Annotated[Finder, Depends(_finder)]) -> Record:  # noqa: A002  the path's
    try:
        return finder.get(id)
    except NotFound as error:
        raise HTTPException(404, str(error)) from error


Searched = Annotated[Finder, Depends(_finder)]
Stored = Annotated[Record, Depends(_record)]
_MISSING: dict[int | str, dict[str, object]] = {
    404: {"model": Problem, "description": "No such picture"}
}
_GONE: dict[int | str, dict[str, object]] = {
    410: {"model": Problem, "description": "Its file is gone, or has changed"}
}
_REFUSED: dict[int | str, dict[str, object]] = {
    413: {"model": Problem, "description": "The upload is too large"},
}


def search(
    finder: Searched,
    image: Annotated[UploadFile, File(description="The picture to search with.")],
    k: Annotated[int, Form(ge=1, le=_MAX_K, description="How many.")] = 3,
    threshold: Annotated[
        float | None, Form(allow_inf_nan=False, description="Leave out what scores less.")
    ] = None,
    matches_only: Annotated[bool, Form(description="Leave out what is no match.")] = False,
) -> Answer:
    """Upload a picture; the most similar ones come back, best first.

    A picture that cannot be used is refused with the reason (422), and so is a search for matches
    only in a catalogue that is not calibrated.
    """
    try:
        hits = finder.search(image.file, k, threshold=threshold, matches_only=matches_only)
    except (ImageError, CalibrationError) as error:
        raise HTTPException(422, str(error)) from error
    return Answer(
        query=image.filename,
        encoder=finder.recipe.encoder,
        hits=[Found.of(hit) for hit in hits],
        matches=hits.matches,
    )


def image(record: Stored) -> Picture:
    """What is known of a picture."""
    return Picture.of(record)


def image_file(record: Stored) -> FileResponse:
    """The picture itself, from the first of its places where it still lies unchanged."""
    for file in record.files:
        try:
            now = os.stat(file.path)
        except OSError:
            continue
        if (now.st_size, now.st_mtime_ns) == (record.size, file.mtime_ns):
            kind, _ = mimetypes.guess_type(file.path)
            kind = kind if kind and kind.startswith("image/") else "application/octet-stream"
            return FileResponse(
                file.path,
                media_type=kind,
                filename=name_of(record),
                content_disposition_type="inline",
                headers={"X-Content-Type-Options": "nosniff"},
            )
    raise HTTPException(410, "its file is gone, or has changed since it was added")


def health(finder: Searched) -> Health:
    """Counts the pictures, so that an answer means that the catalogue can be read."""
    return Health(pictures=len(finder), encoder=finder.recipe.encoder)


def _unusable(request: Request, error: Exception) -> JSONResponse:
    """The catalogue or the model has gone or changed; where they lie is only for the log."""
    log.error("%s", error)
    return JSONResponse({"detail": "the catalogue cannot be used at the moment"}, status_code=503)


def _home() -> RedirectResponse:
    return RedirectResponse("/docs")
