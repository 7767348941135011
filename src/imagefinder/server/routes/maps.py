"""The map: a 2-D projection of a catalogue."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from imagefinder.server.dependencies import CachedMaps, CurrentSettings, QueryCatalogue
from imagefinder.server.schemas import MapPoint, MapResponse
from imagefinder.server.strict_route import StrictRoute
from imagefinder.visualization.map.grid import make_grid

router = APIRouter(route_class=StrictRoute, tags=["images"])

_MAX_IMAGES = 2000
_MAX_IMAGES_TSNE = 1000  # takes some seconds


@router.get("/v1/map", summary="Project images onto a plane, similar ones near each other")
def get_map(
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    maps: CachedMaps,
    by: Annotated[
        Literal["tsne", "pca"],
        Query(description="t-SNE preserves neighborhoods; PCA shows the two principal axes."),
    ] = "tsne",
    limit: Annotated[
        int,
        Query(
            ge=1,
            le=_MAX_IMAGES,
            description="The maximum number of images, at most 1,000 for t-SNE; "
            "a larger catalogue is sampled.",
        ),
    ] = 500,
) -> MapResponse:
    """Cached until the images change; t-SNE takes some seconds the first time.

    Images whose files are missing are left out. Needs scikit-learn (422 without it).
    """
    if by == "tsne" and limit > _MAX_IMAGES_TSNE:
        raise HTTPException(
            422, f"limit: at most {_MAX_IMAGES_TSNE:,} images with t-SNE; use PCA for more"
        )
    sample, positions = maps.get(catalogue.pinned(), by, limit, settings.timeout / 2)
    return MapResponse(
        encoder=catalogue.name,
        by=by,
        total=sample.total,
        gone=sample.missing,
        points=[
            MapPoint.of(record, position, cell)
            for record, position, cell in zip(
                sample.records, positions.tolist(), make_grid(positions).cells.tolist(), strict=True
            )
        ],
    )
