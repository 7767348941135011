"""What the routes ask for by their arguments' types."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, HTTPException, Path, Query, Request

from imagefinder.errors import NotFound
from imagefinder.server.catalogues import Catalogue, Catalogues
from imagefinder.server.map_cache import Maps
from imagefinder.server.settings import Settings
from imagefinder.types import Record

_EXAMPLE = "3e92d93bb8cd8fb0"


async def catalogues_of(request: Request) -> Catalogues:
    """All that this server has."""
    found: Catalogues = request.app.state.catalogues
    return found


async def settings_of(request: Request) -> Settings:
    """What this server allows."""
    settings: Settings = request.app.state.settings
    return settings


async def maps_of(request: Request) -> Maps:
    """Those that it made lately."""
    maps: Maps = request.app.state.maps
    return maps


AllCatalogues = Annotated[Catalogues, Depends(catalogues_of)]
Allowed = Annotated[Settings, Depends(settings_of)]
MadeMaps = Annotated[Maps, Depends(maps_of)]


def _chosen(catalogues: Catalogues, encoder: str | None) -> Catalogue:
    found = catalogues.named(encoder) if encoder else catalogues.first
    if found is None:
        names = ", ".join(catalogues.names)
        raise HTTPException(422, f"encoder: this server has no such catalogue; it has {names}")
    return found


async def _by_query(
    catalogues: AllCatalogues,
    encoder: Annotated[
        str | None, Query(description="Whose catalogue; the first, if not told.")
    ] = None,
) -> Catalogue:
    return _chosen(catalogues, encoder)


async def _by_form(
    catalogues: AllCatalogues,
    encoder: Annotated[
        str | None, Form(description="Whose catalogue; the first, if not told.")
    ] = None,
) -> Catalogue:
    return _chosen(catalogues, encoder)


Asked = Annotated[Catalogue, Depends(_by_query)]
AskedByForm = Annotated[Catalogue, Depends(_by_form)]


def _record(
    id: Annotated[  # noqa: A002  the path's
        str, Path(description="16 hexadecimal digits.", examples=[_EXAMPLE])
    ],
    catalogue: Asked,
) -> Record:
    return record_of(catalogue, id)


def record_of(catalogue: Catalogue, id: str) -> Record:  # noqa: A002  the word that users know
    """The record of a stored image; 404 if there is none."""
    try:
        return catalogue.finder.get(id)
    except NotFound:
        raise HTTPException(404, "there is no image of this id in the catalogue") from None


Stored = Annotated[Record, Depends(_record)]


def check_writer(request: Request, settings: Allowed) -> None:
    """403 unless the server, and the key, allow to add and take out."""
    if not settings.writable:
        raise HTTPException(403, "this server is read-only: start it with --writable")
    if settings.keys is not None and not request.scope["state"].get("key_writes"):
        raise HTTPException(403, "this key only reads: make one with --write")


Writer = Depends(check_writer)
