"""Legacy routes: drop-in replacements for earlier services, with the same response format.

Each uses the catalogue whose encoder or local features have its name, or the server's only one.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, HTTPException, UploadFile

from imagefinder.server.catalogues import ServedCatalogue, ServedCatalogues
from imagefinder.server.dependencies import AllCatalogues
from imagefinder.server.form_data import AnyFormRoute
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import IdsResponse

_K = 3

QueryImage = Annotated[UploadFile, File(description="The query image.")]

router = APIRouter(
    route_class=AnyFormRoute, tags=["legacy"], responses=error_responses(400, 403, 404)
)


@router.post("/sift-similar-images", summary="Top 3 by SIFT")
def search_by_sift(catalogues: AllCatalogues, image: QueryImage) -> list[str]:
    """Ids, best first, ranked by mutual nearest neighbors of local features."""
    return _top_ids(_catalogue_of(catalogues, "sift"), image)


@router.post("/resnet50-similar-images", summary="Top 3 by ResNet-50")
def search_by_resnet50(catalogues: AllCatalogues, image: QueryImage) -> list[str]:
    """Ids, best first."""
    return _top_ids(_catalogue_of(catalogues, "resnet50"), image)


@router.post("/beit-similar-images", summary="Top 3 by BEiT")
def search_by_beit(catalogues: AllCatalogues, image: QueryImage) -> list[str]:
    """Ids, best first, ranked by mutual nearest neighbors of patches if those are stored."""
    return _top_ids(_catalogue_of(catalogues, "beit"), image)


@router.post("/similarity-search", summary="Top 3")
def search_top_ids(catalogues: AllCatalogues, image: QueryImage) -> IdsResponse:
    """Ids, best first, from the first catalogue."""
    return IdsResponse(ids=_top_ids(catalogues.first, image))


def _catalogue_of(catalogues: ServedCatalogues, name: str) -> ServedCatalogue:
    candidates = [one for one in catalogues.all if name in (one.name, one.extractor)]
    if candidates:
        return candidates[0]
    if len(catalogues.all) > 1:
        raise HTTPException(404, f"this server has no {name} catalogue")
    return catalogues.first


def _top_ids(catalogue: ServedCatalogue, image: UploadFile) -> list[str]:
    # local features rank where the route is named after them
    rerank = "mutual" if catalogue.extractor in ("sift", "beit") else None
    hits = catalogue.finder.search(image.file.read(), _K, rerank=rerank)
    return [hit.id for hit in hits]
