"""Health checks (liveness, readiness), server information and metrics."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from imagefinder import __version__
from imagefinder._utils.extras import is_installed
from imagefinder.server.catalogues import ServedCatalogue
from imagefinder.server.dependencies import (
    AllCatalogues,
    CurrentSettings,
    CurrentWarmup,
    may_write,
)
from imagefinder.server.metrics import Metrics
from imagefinder.server.schemas import CatalogueInfo, HealthResponse, ReadyResponse, ServerInfo
from imagefinder.verification.criteria import criteria_of

_PATIENCE = 5.0  # seconds, for which a check of readiness waits for an index

router = APIRouter(tags=["server"])


@router.get("/v1/stats", summary="Get the server's catalogues and capabilities")
def get_stats(request: Request, catalogues: AllCatalogues, settings: CurrentSettings) -> ServerInfo:
    """What a client needs to know before its first request."""
    catalogues.refresh()
    return ServerInfo(
        version=__version__,
        catalogues=[_catalogue_info(catalogue) for catalogue in catalogues.all],
        writable=may_write(request.scope, settings),
        fetches=settings.fetch is not None,
        maps=is_installed("sklearn"),
        shows_paths=settings.show_paths,
        shows=list(settings.show),
        max_upload=settings.max_upload,
    )


@router.get("/healthz", summary="Liveness check")
async def get_health() -> HealthResponse:
    """OK as long as the server responds at all; does not read the catalogues."""
    # async, so that it needs no thread: it is answered even if all of them are busy
    return HealthResponse()


@router.get("/readyz", summary="Readiness check")
def get_readiness(catalogues: AllCatalogues, warmup: CurrentWarmup) -> ReadyResponse:
    """Success means that every catalogue is readable, and its index loaded; else it is 503."""
    if not warmup.is_done(_PATIENCE):
        raise HTTPException(503, "the indexes are being loaded", {"Retry-After": "5"})
    counts = [len(catalogue.finder) for catalogue in catalogues.all]
    return ReadyResponse(images=counts[0], encoder=catalogues.first.name)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """Requests by route and status, latencies, batch sizes, images, memory."""
    current: Metrics = request.app.state.metrics
    return Response(current.render(), media_type="text/plain; version=0.0.4")


def _catalogue_info(catalogue: ServedCatalogue) -> CatalogueInfo:
    finder = catalogue.finder
    statistics, recipe = finder.statistics(), finder.recipe
    return CatalogueInfo(
        encoder=catalogue.name,
        images=statistics.images,
        vectors=statistics.vectors,
        signatures=statistics.signatures,
        bytes=statistics.size,
        dim=recipe.dim,
        measure=recipe.measure,
        index=finder.store.index.kind,
        text=finder.text_search,
        calibrated=criteria_of(finder.store, statistics.images).by_score is not None,
        local=catalogue.extractor,
    )
