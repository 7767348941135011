"""The catalogue on a plane."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from imagefinder.server.dependencies import Allowed, Asked, MadeMaps
from imagefinder.server.schemas import Plane, Point

router = APIRouter(tags=["images"])

_MOST = 2000
_MOST_TSNE = 1000  # which take some seconds


@router.get("/v1/map", summary="Where images lie on a plane, the like ones near each other")
def show_map(
    catalogue: Asked,
    settings: Allowed,
    maps: MadeMaps,
    by: Annotated[
        Literal["tsne", "pca"],
        Query(description="t-SNE keeps neighbours together; PCA takes the two main directions."),
    ] = "tsne",
    limit: Annotated[
        int,
        Query(
            ge=1,
            le=_MOST,
            description="Images at most; of more, a random sample. 1,000 at most by t-SNE.",
        ),
    ] = 500,
) -> Plane:
    """It is kept until the images are others; made anew, it takes some seconds by t-SNE.

    Images whose files are gone are left out. It needs scikit-learn (422 without it).
    """
    if by == "tsne" and limit > _MOST_TSNE:
        raise HTTPException(422, f"limit: t-SNE takes at most {_MOST_TSNE:,}; PCA takes more")
    drawn, places = maps.of(catalogue.finder, by, limit, settings.timeout / 2)
    return Plane(
        encoder=catalogue.name,
        by=by,
        total=drawn.total,
        gone=drawn.gone,
        points=[
            Point.of(record, x, y)
            for record, (x, y) in zip(drawn.records, places.tolist(), strict=True)
        ],
    )
