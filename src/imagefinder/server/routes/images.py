"""Stored images: list, read, add and delete."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, File, Form, HTTPException, Query, Request, Response, UploadFile

from imagefinder.catalogue.empty_selection import why_empty
from imagefinder.catalogue.listing import Listing, Sort
from imagefinder.images.thumbnails import thumbnail
from imagefinder.server import uploads
from imagefinder.server.catalogues import ServedCatalogue, ServedCatalogues
from imagefinder.server.dependencies import (
    AllCatalogues,
    CachedListings,
    CurrentSettings,
    FormCatalogue,
    QueryCatalogue,
    StoredRecord,
    WriteAccess,
    check_shows_paths,
)
from imagefinder.server.file_names import inline_disposition
from imagefinder.server.form_data import FormRoute
from imagefinder.server.forms import (
    FILTER_EXAMPLES,
    FILTER_HELP,
    parse_filter,
    parse_item,
    parse_metadata,
)
from imagefinder.server.image_files import (
    cache_headers,
    document_headers,
    media_type_of,
    not_modified,
    open_file,
    thumbnail_source,
)
from imagefinder.server.kept_thumbnails import kept_names
from imagefinder.server.open_file_response import OpenFileResponse
from imagefinder.server.preferences import MINIMAL, Prefer, minimal
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import ImageInfo, ImagePage
from imagefinder.server.settings import Settings
from imagefinder.types import Record

_ID = "[0-9a-f]{16}"
_SORT = (
    "By when it was added, the date of its file, the file's name or size; pages are then chosen by "
    "`offset` instead of `cursor`."
)
_FOLDER = "With `sort`: only images in this folder, if the server shows paths."
_Document = TypeVar("_Document", ImageInfo, ImagePage)

router = APIRouter(route_class=FormRoute, tags=["images"])


_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not modified (If-None-Match)"}
}


@router.get(
    "/v1/images",
    summary="List the stored images",
    response_model=ImagePage,
    responses=_NOT_MODIFIED | error_responses(403),
)
def list_images(
    request: Request,
    response: Response,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    listings: CachedListings,
    limit: Annotated[int, Query(ge=1, le=1000, description="The maximum number of images.")] = 100,
    cursor: Annotated[
        str | None, Query(pattern=f"^{_ID}$", description="`next` of the previous page.")
    ] = None,
    where: Annotated[str | None, Query(description=FILTER_HELP, examples=FILTER_EXAMPLES)] = None,
    sort: Annotated[Sort | None, Query(description=_SORT)] = None,
    order: Annotated[Literal["asc", "desc"], Query(description="With `sort`.")] = "desc",
    offset: Annotated[int, Query(ge=0, description="With `sort`: images to leave out.")] = 0,
    words: Annotated[
        str, Query(max_length=200, description="With `sort`: in the file's name or the metadata.")
    ] = "",
    folder: Annotated[str | None, Query(max_length=4096, description=_FOLDER)] = None,
) -> ImagePage | Response:
    """One page, ordered by id, which is stable while images are added, or as `sort` says."""
    conditions = parse_filter(where)
    if sort is None:
        if offset or words or folder:
            raise HTTPException(422, "offset, words and folder need sort")
        by_id = _page_by_id(catalogue, settings, limit, cursor, conditions)
        return _unless_known(by_id, request, response)
    if cursor is not None:
        raise HTTPException(422, "cursor: with sort, pages are chosen by offset")
    if folder:
        check_shows_paths(settings)
    listing = Listing(sort, order == "desc", folder, words, conditions)
    store = catalogue.finder.store
    names = partial(kept_names, settings.thumbnails)
    keys = listings.keys(catalogue.name, store, listing, begins=offset == 0, names=names)
    page = keys[offset : offset + limit].tolist()
    records = store.get(page)
    is_empty = not len(keys) and (folder or conditions) and not words
    found = ImagePage(
        images=[ImageInfo.of(records[key], settings) for key in page if key in records],
        next=None,
        total=len(keys),
        detail=why_empty(store, [folder] if folder else [], conditions) if is_empty else None,
    )
    return _unless_known(found, request, response)


def _page_by_id(
    catalogue: ServedCatalogue,
    settings: Settings,
    limit: int,
    cursor: str | None,
    where: dict[str, Any] | None,
) -> ImagePage:
    records = catalogue.finder.page(limit + 1, after=cursor, where=where)
    page = records[:limit]
    is_empty = where and not records and cursor is None
    return ImagePage(
        images=[ImageInfo.of(record, settings) for record in page],
        next=page[-1].id if len(records) > limit else None,
        total=None,
        detail=why_empty(catalogue.finder.store, where=where) if is_empty else None,
    )


@router.get(
    "/v1/images/{id}",
    summary="Get an image's record",
    response_model=ImageInfo,
    responses=_NOT_MODIFIED | error_responses(404),
)
def get_image(
    request: Request, response: Response, record: StoredRecord, settings: CurrentSettings
) -> ImageInfo | Response:
    """Size, hash, metadata and the number of its files."""
    return _unless_known(ImageInfo.of(record, settings), request, response)


def _unless_known(
    document: _Document, request: Request, response: Response
) -> _Document | Response:
    """The document with its ETag, or 304 if the client has the same."""
    headers = document_headers(document)
    response.headers.update(headers)
    return not_modified(request, headers) or document


def _image_responses(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {
            "description": "The image",
            "content": {media_type: {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "Not modified (If-None-Match, If-Modified-Since)"},
    }


@router.get(
    "/v1/images/{id}/file",
    summary="Get an image's file",
    response_class=Response,
    responses=_image_responses("image/*")
    | {206: {"description": "The requested range of it (Range)"}}
    | error_responses(404, 410, 416),
)
def get_image_file(request: Request, record: StoredRecord, settings: CurrentSettings) -> Response:
    """The first of the image's files that is unchanged since it was added."""
    with ExitStack() as stack:
        opened = open_file(record, settings)
        stack.callback(opened.close)
        headers = cache_headers(record.sha256.hex(), opened.file.mtime_ns)
        if unchanged := not_modified(request, headers):
            return unchanged
        headers["Content-Disposition"] = inline_disposition(Path(opened.file.path).name)
        response = OpenFileResponse(opened, request.headers, headers, media_type_of(opened.file))
        stack.pop_all()  # the response closes it
        return response


@router.get(
    "/v1/images/{id}/thumbnail",
    summary="Get an image's thumbnail",
    response_class=Response,
    responses=_image_responses("image/jpeg") | error_responses(404, 410),
)
def get_thumbnail(
    request: Request,
    record: StoredRecord,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    side: Annotated[int, Query(ge=16, le=1024, description="Longer side, in pixels.")] = 240,
) -> Response:
    """A JPEG of at most this size; smaller images are not enlarged."""
    with thumbnail_source(record, settings) as (source, mtime_ns):
        headers = cache_headers(f"{record.sha256.hex()}-{side}", mtime_ns)
        return not_modified(request, headers) or Response(
            thumbnail(source, side, catalogue.finder.limits).jpeg,
            media_type="image/jpeg",
            headers=headers,
        )


@router.post(
    "/v1/images",
    summary="Add an image",
    status_code=201,
    response_model=ImageInfo,
    responses={
        200: {"model": ImageInfo, "description": "It was already in the catalogue"},
        **MINIMAL,
        **error_responses(400, 403),
    },
    dependencies=[WriteAccess],
)
def add_image(
    request: Request,
    catalogue: FormCatalogue,
    catalogues: AllCatalogues,
    settings: CurrentSettings,
    listings: CachedListings,
    response: Response,
    image: Annotated[UploadFile, File(description="The image.")],
    metadata: Annotated[
        str | None,
        Form(
            description="Its metadata, as a JSON object; replaces what was said of the image, or "
            "of the `item`, when it was uploaded before.",
            examples=['{"room": "kitchen"}'],
        ),
    ] = None,
    item: Annotated[
        str | None,
        Form(
            description="An id of your own, such as an article number, where several items share "
            "one image: each keeps its own metadata.",
            examples=["SKU-17"],
        ),
    ] = None,
    prefer: Prefer = None,
) -> ImageInfo | Response:
    """Searches find it at once. Its file is saved if the server was started with `--uploads`."""
    fields = parse_metadata(metadata, "metadata")
    upload = uploads.Upload(
        image.file.read(), image.filename or "", fields, parse_item(item, fields)
    )
    added = uploads.add_image(catalogue.finder, upload, settings)
    listings.clear()
    response.status_code = 201 if added.is_new else 200
    response.headers["Location"] = _location(request, added.record, catalogue, catalogues)
    return minimal(prefer, response) or ImageInfo.of(added.record, settings)


def _location(
    request: Request, record: Record, catalogue: ServedCatalogue, catalogues: ServedCatalogues
) -> str:
    """The path of a record, which is that of clients even behind a prefix."""
    path = request.url_for("get_image", id=record.id).path
    is_first = catalogue is catalogues.first
    return path if is_first else f"{path}?{urlencode({'encoder': catalogue.name})}"


@router.delete(
    "/v1/images/{id}",
    summary="Delete an image",
    status_code=204,
    responses=error_responses(403, 404),
    dependencies=[WriteAccess],
)
def delete_image(
    record: StoredRecord,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    listings: CachedListings,
) -> None:
    """Remove it from the catalogue. Its file is deleted only if it was uploaded to this server."""
    uploads.delete_image(catalogue.finder, record, settings)
    listings.clear()
