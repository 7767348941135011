"""Batches: many images added or deleted by one request."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from imagefinder.server import batch_paths
from imagefinder.server.batch import MAX_LINES, MEDIA_TYPE, Batch, Work
from imagefinder.server.batch_work import AddingWork, DeletingWork
from imagefinder.server.dependencies import (
    CachedListings,
    CurrentSettings,
    QueryCatalogue,
    WriteAccess,
)
from imagefinder.server.problems import error_responses
from imagefinder.server.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["images"])

_TEXT = {"type": "string", "contentMediaType": "application/octet-stream"}


def check_media_type(request: Request) -> None:
    """415 unless the body is declared as lines of JSON."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != MEDIA_TYPE or request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(
            415, f"send one JSON object a line, with Content-Type: {MEDIA_TYPE}, not compressed"
        )


def _documented(line: str) -> dict[str, Any]:
    """A route's documentation, by the schema of a line that it takes."""
    return {
        "response_class": StreamingResponse,
        "responses": {
            200: {
                "description": "The report: a `LineReport` a line, at last a `ReportEnd`",
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            },
            **error_responses(403),
        },
        "openapi_extra": {
            "requestBody": {
                "description": f"A `{line}` a line, at most {MAX_LINES:,} of them.",
                "required": True,
                "content": {MEDIA_TYPE: {"schema": _TEXT}},
            }
        },
        "dependencies": [WriteAccess, Depends(check_media_type)],
    }


@router.post(batch_paths.ADD, summary="Add many images", **_documented("NewImage"))
async def add_images(
    request: Request,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    listings: CachedListings,
) -> Response:
    """Add the image of each line, as `POST /v1/images` does; they are encoded together.

    A line that cannot be used costs only itself: its report has the problem. Each line counts as a
    request where the server has a rate limit, and may be as long as a request. The report begins
    once the whole body has arrived; what is not done when the client goes stays undone.
    """
    return await _answer(request, AddingWork(catalogue.finder, settings, listings), settings)


@router.post(batch_paths.DELETE, summary="Delete many images", **_documented("DeletedImage"))
async def delete_images(
    request: Request,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    listings: CachedListings,
) -> Response:
    """Delete the image of each line, as `DELETE /v1/images/{id}` does.

    The report is that of added images.
    """
    return await _answer(request, DeletingWork(catalogue.finder, settings, listings), settings)


async def _answer(request: Request, work: Work, settings: CurrentSettings) -> Response:
    batch = Batch(request, work, settings.max_upload)
    try:
        await batch.receive()
    except ClientDisconnect:
        return Response(status_code=400)  # which nobody receives
    return batch.response
