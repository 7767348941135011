"""The folders that the images lie in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from imagefinder.catalogue.listing import folders_in
from imagefinder.server.dependencies import QueryCatalogue, check_shows_paths
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import FolderInfo, FoldersResponse
from imagefinder.server.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["images"])


@router.get(
    "/v1/folders",
    summary="List the folders in a folder",
    responses=error_responses(403),
    dependencies=[Depends(check_shows_paths)],
)
def list_folders(
    catalogue: QueryCatalogue,
    parent: Annotated[
        str | None,
        Query(max_length=4096, description="Default: the folder that all have in common."),
    ] = None,
) -> FoldersResponse:
    """Those with images, if the server was started with `--show-paths`."""
    found = folders_in(catalogue.finder.store, parent)
    return FoldersResponse(
        folders=[FolderInfo(path=path, images=images) for path, images in found.items()]
    )
