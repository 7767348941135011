"""Previews of images that a browser cannot display, such as HEIC and TIFF."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from imagefinder.images.thumbnails import thumbnail_of_upload
from imagefinder.server.dependencies import FormCatalogue
from imagefinder.server.form_data import FormRoute
from imagefinder.server.problems import error_responses

router = APIRouter(route_class=FormRoute, tags=["images"])

_SIDE = 1024


@router.post(
    "/v1/preview",
    summary="Get a preview of an uploaded image",
    response_class=Response,
    responses={
        200: {
            "description": "The image; its original size is in `Image-Width` and `Image-Height`",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
        **error_responses(400),
    },
)
def preview_image(
    catalogue: FormCatalogue, image: Annotated[UploadFile, File(description="The image.")]
) -> Response:
    """A JPEG of at most 1,024 pixels on a side, upright, of any format that can be searched with.

    Nothing is stored.
    """
    limits = catalogue.finder.limits
    jpeg, _, _, (width, height) = thumbnail_of_upload(image.file.read(), _SIDE, limits)
    headers = {"Image-Width": str(width), "Image-Height": str(height), "Cache-Control": "no-store"}
    return Response(jpeg, media_type="image/jpeg", headers=headers)
