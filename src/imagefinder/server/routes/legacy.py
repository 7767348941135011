"""The routes of the services that this one takes the place of, in the form of their answers.

Each is answered by the catalogue whose encoder, or whose local features, have its name; or by the
server's only catalogue, whatever that is made by.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, HTTPException, UploadFile

from imagefinder.server.catalogues import Catalogue, Catalogues
from imagefinder.server.dependencies import AllCatalogues
from imagefinder.server.problems import documented
from imagefinder.server.schemas import Ids

_K = 3

Image = Annotated[UploadFile, File(description="The image to search with.")]

router = APIRouter(tags=["as before"], responses=documented(400, 403, 404))


@router.post("/sift-similar-images", summary="The three best, by SIFT")
def sift(catalogues: AllCatalogues, image: Image) -> list[str]:
    """Ids, best first: by how many local features are each other's nearest."""
    return _best(_by(catalogues, "sift"), image)


@router.post("/resnet50-similar-images", summary="The three best, by ResNet-50")
def resnet50(catalogues: AllCatalogues, image: Image) -> list[str]:
    """Ids, best first."""
    return _best(_by(catalogues, "resnet50"), image)


@router.post("/beit-similar-images", summary="The three best, by BEiT")
def beit(catalogues: AllCatalogues, image: Image) -> list[str]:
    """Ids, best first: by how many patches are each other's nearest, where those are kept."""
    return _best(_by(catalogues, "beit"), image)


@router.post("/similarity-search", summary="The three best")
def similarity(catalogues: AllCatalogues, image: Image) -> Ids:
    """Ids, best first, from the first catalogue."""
    return Ids(ids=_best(catalogues.first, image))


def _by(catalogues: Catalogues, name: str) -> Catalogue:
    fitting = [one for one in catalogues.all if name in (one.name, _local(one))]
    if fitting:
        return fitting[0]
    if len(catalogues.all) > 1:
        raise HTTPException(404, f"this server has no catalogue by {name}")
    return catalogues.first


def _best(catalogue: Catalogue, image: UploadFile) -> list[str]:
    # local features decide where the route is named for them
    rerank = "mutual" if _local(catalogue) in ("sift", "beit") else None
    hits = catalogue.searched.search(image.file.read(), _K, rerank=rerank)
    return [hit.id for hit in hits]


def _local(catalogue: Catalogue) -> str | None:
    extractor = catalogue.finder.store.extractor
    return extractor.encoder if extractor else None
