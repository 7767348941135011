"""Metadata of stored images: changing them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query, Response

from imagefinder._utils.text import one_line
from imagefinder.errors import NotFound
from imagefinder.server.dependencies import (
    CachedListings,
    CurrentSettings,
    QueryCatalogue,
    StoredRecord,
    WriteAccess,
)
from imagefinder.server.preferences import MINIMAL, Prefer, minimal
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import ImageInfo
from imagefinder.server.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["images"])


@router.patch(
    "/v1/images/{id}",
    summary="Change an image's metadata",
    response_model=ImageInfo,
    responses=MINIMAL | error_responses(400, 403, 404),
    dependencies=[WriteAccess],
)
def patch_image(
    record: StoredRecord,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    listings: CachedListings,
    patch: Annotated[
        dict[str, Any],
        Body(
            media_type="application/merge-patch+json",
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
) -> ImageInfo | Response:
    """Searches with a filter see the change at once."""
    try:
        changed = catalogue.finder.patch_metadata(record.id, patch, item=item)
    except NotFound as error:
        raise HTTPException(404, "there is no such image, or no such item of it") from error
    except ValueError as error:
        raise HTTPException(422, one_line(error)) from error
    listings.clear()
    return minimal(prefer) or ImageInfo.of(changed, settings.show_paths)
