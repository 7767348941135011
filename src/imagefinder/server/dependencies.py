"""FastAPI dependencies: what routes declare as the types of their parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, HTTPException, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import Scope

from imagefinder.errors import NotFound
from imagefinder.server.catalogues import ServedCatalogue, ServedCatalogues
from imagefinder.server.listing_cache import ListingCache
from imagefinder.server.map_cache import MapCache
from imagefinder.server.opened import Opened
from imagefinder.server.settings import Settings
from imagefinder.server.upgrades import UpgradeRunner
from imagefinder.server.warmup import Warmup
from imagefinder.types import Record

ENCODER_HELP = "The catalogue to use, by its encoder; default: the first."
_EXAMPLE_ID = "3e92d93bb8cd8fb0"


async def _opened(request: Request) -> Opened:
    opened: Opened = request.app.state.opened
    if not opened.is_open:
        await run_in_threadpool(lambda: opened.catalogues)
    return opened


async def _catalogues(opened: Annotated[Opened, Depends(_opened)]) -> ServedCatalogues:
    return opened.catalogues


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _map_cache(request: Request) -> MapCache:
    cache: MapCache = request.app.state.map_cache
    return cache


async def _listing_cache(request: Request) -> ListingCache:
    cache: ListingCache = request.app.state.listing_cache
    return cache


async def _upgrades(opened: Annotated[Opened, Depends(_opened)]) -> UpgradeRunner:
    return opened.upgrades


async def _warmup(opened: Annotated[Opened, Depends(_opened)]) -> Warmup:
    return opened.warmup


Upgrades = Annotated[UpgradeRunner, Depends(_upgrades)]
AllCatalogues = Annotated[ServedCatalogues, Depends(_catalogues)]
CurrentSettings = Annotated[Settings, Depends(_settings)]
CachedListings = Annotated[ListingCache, Depends(_listing_cache)]
CachedMaps = Annotated[MapCache, Depends(_map_cache)]
CurrentWarmup = Annotated[Warmup, Depends(_warmup)]


def choose_catalogue(catalogues: ServedCatalogues, encoder: str | None) -> ServedCatalogue:
    """The catalogue of an encoder, or the first; 422 if there is none."""
    found = catalogues.find(encoder) if encoder else catalogues.first
    if encoder and found is None:  # another program may have upgraded one to it
        catalogues.refresh()
        found = catalogues.find(encoder)
    if found is None:
        names = ", ".join(catalogues.names)
        raise HTTPException(422, f"encoder: no such catalogue on this server, which has {names}")
    return found


async def _chosen(catalogues: ServedCatalogues, encoder: str | None) -> ServedCatalogue:
    if encoder and catalogues.find(encoder) is None:  # it may have to open a file
        return await run_in_threadpool(choose_catalogue, catalogues, encoder)
    return choose_catalogue(catalogues, encoder)


async def _from_query(
    catalogues: AllCatalogues,
    encoder: Annotated[str | None, Query(description=ENCODER_HELP)] = None,
) -> ServedCatalogue:
    return await _chosen(catalogues, encoder)


async def _from_form(
    catalogues: AllCatalogues,
    encoder: Annotated[str | None, Form(description=ENCODER_HELP)] = None,
) -> ServedCatalogue:
    return await _chosen(catalogues, encoder)


QueryCatalogue = Annotated[ServedCatalogue, Depends(_from_query)]
"""Chosen by the query parameter ``encoder``."""
FormCatalogue = Annotated[ServedCatalogue, Depends(_from_form)]
"""Chosen by the form field ``encoder``."""


def _record_from_path(
    id: Annotated[  # noqa: A002  the path parameter's name
        str, Path(description="16 hexadecimal digits.", examples=[_EXAMPLE_ID])
    ],
    catalogue: QueryCatalogue,
) -> Record:
    return get_record(catalogue, id)


def get_record(catalogue: ServedCatalogue, id: str) -> Record:  # noqa: A002  as users call it
    """The record of a stored image; 404 if there is none."""
    try:
        return catalogue.finder.get(id)
    except NotFound:
        raise HTTPException(404, "there is no image with this id in the catalogue") from None


StoredRecord = Annotated[Record, Depends(_record_from_path)]


def may_write(scope: Scope, settings: Settings) -> bool:
    """Whether the server and the request's API key allow adding and deleting images."""
    has_key = settings.keys is None or scope.get("state", {}).get("key_writes", False)
    return settings.writable and has_key


def check_write_access(request: Request, settings: CurrentSettings) -> None:
    """403 unless the server and the API key allow adding and deleting images."""
    if not settings.writable:
        raise HTTPException(403, "this server is read-only: start it with --writable")
    if not may_write(request.scope, settings):
        raise HTTPException(403, "this API key is read-only: create one with --write")


def check_shows_paths(settings: CurrentSettings) -> None:
    """403 unless the server tells where files are."""
    if not settings.show_paths:
        raise HTTPException(403, "this server keeps its folders: start it with --show-paths")


WriteAccess = Depends(check_write_access)
