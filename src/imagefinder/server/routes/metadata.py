"""Metadata of stored images: changing them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Request, Response

from imagefinder._utils.text import one_line
from imagefinder.errors import NotFound
from imagefinder.server.dependencies import (
    CachedListings,
    CurrentSettings,
    QueryCatalogue,
    StoredRecord,
    WriteAccess,
)
from imagefinder.server.image_files import check_unchanged, document_headers
from imagefinder.server.preferences import MINIMAL, Prefer, minimal
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import ImageInfo
from imagefinder.server.strict_route import StrictRoute
from imagefinder.server.uploads import changing

router = APIRouter(route_class=StrictRoute, tags=["images"])

_PATCH = "application/merge-patch+json"


def check_media_type(request: Request) -> None:
    """415 unless the body is declared as a merge patch, or as JSON."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in (_PATCH, "application/json"):
        raise HTTPException(415, f"send a JSON merge patch, with Content-Type: {_PATCH}")


@router.patch(
    "/v1/images/{id}",
    summary="Change an image's metadata",
    response_model=ImageInfo,
    responses=MINIMAL | error_responses(400, 403, 404, 412, 415),
    dependencies=[WriteAccess, Depends(check_media_type)],
)
def patch_image(
    record: StoredRecord,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    listings: CachedListings,
    response: Response,
    patch: Annotated[
        dict[str, Any],
        Body(
            media_type=_PATCH,
            description="A JSON merge patch (RFC 7396): names that are to have other values, with "
            "null for those to be removed. All others stay.",
            examples=[{"price": 20, "sale": None}],
        ),
    ],
    item: Annotated[
        str | None,
        Query(description="Whose, where several items share the image: the id of one."),
    ] = None,
    prefer: Prefer = None,
    if_match: Annotated[
        str | None,
        Header(description="The ETag of the record that the patch is made for; 412 for another."),
    ] = None,
) -> ImageInfo | Response:
    """Searches with a filter see the change at once."""
    try:
        with changing(record.key):
            if if_match is not None:
                current = catalogue.finder.get(record.id)
                check_unchanged(ImageInfo.of(current, settings), if_match)
            changed = catalogue.finder.patch_metadata(record.id, patch, item=item)
    except NotFound as error:
        raise HTTPException(404, "there is no such image, or no such item of it") from error
    except ValueError as error:
        raise HTTPException(422, one_line(error)) from error
    listings.clear()
    response.headers.update(document_headers(ImageInfo.of(changed, settings)))
    return minimal(prefer, response) or ImageInfo.of(changed, settings)
