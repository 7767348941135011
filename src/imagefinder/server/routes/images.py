"""Stored images: listing, reading, adding and deleting them."""

from __future__ import annotations

import mimetypes
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse

from imagefinder.images.thumbnails import thumbnail
from imagefinder.server import forms, uploads
from imagefinder.server.dependencies import Allowed, Asked, AskedByForm, Stored, Writer
from imagefinder.server.image_files import caching, lying, unchanged
from imagefinder.server.problems import documented
from imagefinder.server.schemas import ImageInfo, Page, name_of

_ID = "[0-9a-f]{16}"

router = APIRouter(tags=["images"])


@router.get("/v1/images", summary="List the stored images")
def list_images(
    catalogue: Asked,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
    cursor: Annotated[
        str | None, Query(pattern=f"^{_ID}$", description="The `next` of the page before.")
    ] = None,
    where: Annotated[
        str | None,
        Query(
            description="Only those with this metadata, an object of JSON.",
            examples=['{"room": "kitchen"}'],
        ),
    ] = None,
) -> Page:
    """A page of them, in order of their ids, which is stable while others are added."""
    records = catalogue.finder.page(limit + 1, after=cursor, where=forms.conditions(where))
    shown = records[:limit]
    return Page(
        images=[ImageInfo.of(record) for record in shown],
        next=shown[-1].id if len(records) > limit else None,
    )


@router.get("/v1/images/{id}", summary="What is known of an image", responses=documented(404))
def image(record: Stored) -> ImageInfo:
    """Its record."""
    return ImageInfo.of(record)


_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The image",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "It is as it was (If-None-Match, If-Modified-Since)"},
}


@router.get(
    "/v1/images/{id}/file",
    summary="An image's file",
    response_class=FileResponse,
    responses=_IMAGE
    | {206: {"description": "The part of it that was asked for (Range)"}}
    | documented(404, 410, 416),
)
def image_file(request: Request, record: Stored) -> Response:
    """The image itself, from the first of its places where it still lies unchanged."""
    file = lying(record)
    headers = caching(record.sha256.hex(), file)
    kind, _ = mimetypes.guess_type(file.path)
    kind = kind if kind and kind.startswith("image/") else "application/octet-stream"
    return unchanged(request, headers) or FileResponse(
        file.path,
        media_type=kind,
        filename=name_of(record),
        content_disposition_type="inline",
        headers=headers,
    )


@router.get(
    "/v1/images/{id}/thumbnail",
    summary="A small JPEG of an image",
    response_class=Response,
    responses=_IMAGE | documented(404, 410),
)
def image_thumbnail(
    request: Request,
    record: Stored,
    catalogue: Asked,
    side: Annotated[int, Query(ge=16, le=1024, description="Pixels of the longer side.")] = 240,
) -> Response:
    """At most so large; a smaller image is not blown up."""
    file = lying(record)
    headers = caching(f"{record.sha256.hex()}-{side}", file)
    return unchanged(request, headers) or Response(
        thumbnail(file.path, side, catalogue.finder.limits).jpeg,
        media_type="image/jpeg",
        headers=headers,
    )


@router.post(
    "/v1/images",
    summary="Add an image",
    status_code=201,
    responses={
        200: {"model": ImageInfo, "description": "It was there already"},
        **documented(400, 403),
    },
    dependencies=[Writer],
)
def add_image(
    catalogue: AskedByForm,
    settings: Allowed,
    response: Response,
    image: Annotated[UploadFile, File(description="The image.")],
    metadata: Annotated[
        str | None,
        Form(
            description="What to keep with it, an object of JSON; replaces what was kept.",
            examples=['{"room": "kitchen"}'],
        ),
    ] = None,
) -> ImageInfo:
    """It is found from now on. Its file is kept if the server was started with `--uploads`."""
    about = forms.metadata(metadata, "metadata")
    taken = uploads.take(
        catalogue.finder, image.file.read(), image.filename or "", about, settings.uploads
    )
    response.status_code = 201 if taken.new else 200
    return ImageInfo.of(taken.record)


@router.delete(
    "/v1/images/{id}",
    summary="Take an image out",
    status_code=204,
    responses=documented(403, 404),
    dependencies=[Writer],
)
def delete_image(record: Stored, catalogue: Asked, settings: Allowed) -> None:
    """Out of the catalogue. Its file is deleted only if it was uploaded here."""
    uploads.drop(catalogue.finder, record, settings.uploads)
