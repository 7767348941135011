"""Similarity search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException

from imagefinder.errors import ImageFinderError
from imagefinder.search.hits import Hits
from imagefinder.server.catalogues import ServedCatalogue
from imagefinder.server.dependencies import AllCatalogues, CurrentSettings, choose_catalogue
from imagefinder.server.form_data import ImagesFormRoute
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import SearchHit, SearchResponse
from imagefinder.server.search_form import SearchForm
from imagefinder.server.settings import Settings
from imagefinder.similarity import dtype
from imagefinder.types import Measure, Record

router = APIRouter(route_class=ImagesFormRoute, tags=["search"])


@router.post(
    "/v1/search",
    summary="Find the most similar images",
    responses=error_responses(400, 403, 404, 410),
)
def search(
    catalogues: AllCatalogues,
    settings: CurrentSettings,
    form: Annotated[SearchForm, Form(media_type="multipart/form-data")],
) -> SearchResponse:
    """Search with uploads, stored images or a text; hits come best first.

    A stored image is its own first hit. An unusable image is an error with the reason.
    """
    catalogue = choose_catalogue(catalogues, form.encoder)
    hits = _search(catalogue, form, settings)
    return SearchResponse(
        query=", ".join([*form.query.names, *form.others]) or None,
        encoder=catalogue.name,
        hits=[SearchHit.of(hit, settings) for hit in hits],
        matches=hits.match_ids,
        detail=hits.detail,
    )


def _search(catalogue: ServedCatalogue, form: SearchForm, settings: Settings) -> Hits:
    query = form.query
    images: Sequence[bytes | Record]
    if form.crop:  # cut from a file
        images = query.load_bytes(catalogue, settings)
    else:
        images = query.load(catalogue, settings.fetch)
    if not images and not form.others:
        raise HTTPException(422, "nothing to search with: give image, id, url, text or vector")
    _check_measures(catalogue, form.measure or ())
    try:
        return catalogue.finder.search(images, options=form.options(catalogue))
    except ImageFinderError:
        raise
    except ValueError as error:  # options that cannot be combined
        raise HTTPException(422, str(error)) from error


def _check_measures(catalogue: ServedCatalogue, measures: Sequence[Measure]) -> None:
    own = catalogue.finder.recipe.measure
    if any(dtype(one) != dtype(own) for one in measures):
        raise HTTPException(422, f"measure: not applicable to this catalogue's {own} vectors")
