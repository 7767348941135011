"""What the server is, holds and allows, and how it does."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from imagefinder import __version__
from imagefinder.search.calibration.classifier import kept
from imagefinder.server.catalogues import Catalogue
from imagefinder.server.dependencies import AllCatalogues, Allowed
from imagefinder.server.metrics import Metrics
from imagefinder.server.schemas import Health, Holding, Ready, Stats

router = APIRouter(tags=["server"])


@router.get("/v1/stats", summary="What the server holds, and what it allows")
def stats(catalogues: AllCatalogues, settings: Allowed) -> Stats:
    """Everything that a program needs to know before it asks."""
    return Stats(
        version=__version__,
        catalogues=[_holding(catalogue) for catalogue in catalogues.all],
        writable=settings.writable,
        fetches=settings.fetch is not None,
        max_upload=settings.max_upload,
    )


@router.get("/healthz", summary="Whether the server runs")
def health() -> Health:
    """Says so as long as it can answer anything; asks nothing of the catalogues."""
    return Health()


@router.get("/readyz", summary="Whether the server can answer searches")
def ready(catalogues: AllCatalogues) -> Ready:
    """Counts the images, so that an answer means that the catalogues can be read."""
    counts = [len(catalogue.finder) for catalogue in catalogues.all]
    return Ready(images=counts[0], encoder=catalogues.first.name)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Requests by route and status, their times, images, memory."""
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type="text/plain; version=0.0.4")


def _holding(catalogue: Catalogue) -> Holding:
    finder = catalogue.finder
    holds, recipe, extractor = finder.statistics(), finder.recipe, finder.store.extractor
    return Holding(
        encoder=catalogue.name,
        images=holds.images,
        vectors=holds.vectors,
        bytes=holds.size,
        dim=recipe.dim,
        measure=recipe.measure,
        index=finder.store.index.kind,
        text=catalogue.words,
        calibrated=kept(finder.store, recipe.measure) is not None,
        local=extractor.encoder if extractor else None,
    )
