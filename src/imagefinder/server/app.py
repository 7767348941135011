"""The ASGI application (FastAPI): catalogues, routes, middleware."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi_offline import FastAPIOffline
from starlette.routing import Route

from imagefinder import __version__
from imagefinder.finder import Finder
from imagefinder.server.api_keys import KeyFile, KeyRing
from imagefinder.server.assistants import PATH as ASSISTANTS_PATH
from imagefinder.server.assistants import AssistantsApp
from imagefinder.server.decoding import server_limits
from imagefinder.server.listing_cache import ListingCache
from imagefinder.server.map_cache import MapCache
from imagefinder.server.metrics import Metrics
from imagefinder.server.middleware.api_key import ApiKeyMiddleware
from imagefinder.server.middleware.body_limit import BodyLimitMiddleware
from imagefinder.server.middleware.cors import CorsMiddleware
from imagefinder.server.middleware.csrf import CrossSiteMiddleware
from imagefinder.server.middleware.gates import GateMiddleware
from imagefinder.server.middleware.head import HeadMiddleware
from imagefinder.server.middleware.prefix import PrefixMiddleware
from imagefinder.server.middleware.rate_limit import RateLimitMiddleware
from imagefinder.server.middleware.request_log import RequestLogMiddleware
from imagefinder.server.middleware.security_headers import SecurityHeadersMiddleware
from imagefinder.server.middleware.timeout import TimeoutMiddleware
from imagefinder.server.middleware.trusted_host import TrustedHostMiddleware
from imagefinder.server.openapi import (
    COMMON_RESPONSES,
    DESCRIPTION,
    customize_openapi,
    operation_id,
)
from imagefinder.server.opened import Opened
from imagefinder.server.problems import add_exception_handlers
from imagefinder.server.routes import (
    batch,
    compare,
    duplicate_decisions,
    duplicates,
    embeddings,
    folders,
    images,
    legacy,
    maps,
    metadata,
    preview,
    search,
    similar,
    status,
    ui,
    upgrade,
)
from imagefinder.server.settings import Settings

_DEFAULT = Settings()
_ROUTERS = tuple(
    module.router
    for module in (
        ui,
        search,
        similar,
        compare,
        preview,
        embeddings,
        images,
        batch,
        metadata,
        duplicates,
        duplicate_decisions,
        folders,
        maps,
        upgrade,
        status,
        legacy,
    )
)


def create_app(
    catalogue: Finder | str | os.PathLike[str],
    settings: Settings = _DEFAULT,
    also: Sequence[Finder | str | os.PathLike[str]] = (),
) -> FastAPI:
    """The application for a catalogue, and ``also`` for others made with other encoders.

    Any ASGI server can run it, and another application can mount it:
    ``other.mount("/find", create_app("photos.db"))``. It opens the catalogues when it starts, so
    that one that cannot be opened is an error then, and closes them when it ends. A mounted
    application is not told of either: it opens them with the first request, unless the other one
    enters ``lifespan``. It finds images that other programs add in the meantime. Raises
    KeyFileError for an unreadable key file.
    """
    metrics = Metrics(settings.shared)
    app = FastAPIOffline(
        title="ImageFinder",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
        responses=COMMON_RESPONSES,
        generate_unique_id_function=operation_id,
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.map_cache = MapCache()
    app.state.listing_cache = ListingCache()
    limits = partial(server_limits, settings=settings)
    app.state.opened = Opened((catalogue, *also), metrics, limits)
    add_exception_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/page", ui.static_files)
    if settings.mcp:
        assistants = AssistantsApp(app.state.opened, settings, app.state.listing_cache)
        app.router.routes.append(Route(ASSISTANTS_PATH, assistants, methods=["POST"]))
    customize_openapi(app, settings.keys is not None)
    _add_middleware(app, settings, metrics)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the catalogues of an application that ``create_app`` has made, and closes them.

    For the lifespan of an application that mounts it. Raises StoreError.
    """
    opened: Opened = app.state.opened
    await run_in_threadpool(lambda: opened.catalogues)
    try:
        yield
    finally:
        await run_in_threadpool(opened.close)


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """From the innermost to the outermost: a request passes the last of these first."""
    app.add_middleware(HeadMiddleware)
    app.add_middleware(GateMiddleware)
    if settings.keys is not None:
        app.add_middleware(ApiKeyMiddleware, ring=KeyRing(KeyFile(settings.keys)))
    app.add_middleware(CrossSiteMiddleware, origins=settings.origins)
    if settings.origins:
        app.add_middleware(CorsMiddleware, origins=settings.origins)
    if settings.rate is not None:
        table = settings.shared.clients if settings.shared else None
        app.add_middleware(RateLimitMiddleware, per_minute=settings.rate, table=table)
    app.add_middleware(TrustedHostMiddleware, names=settings.hosts)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_upload)
    app.add_middleware(TimeoutMiddleware, seconds=settings.timeout)
    app.add_middleware(SecurityHeadersMiddleware, cross_origin=bool(settings.origins))
    app.add_middleware(RequestLogMiddleware, metrics=metrics)
    if settings.root_path:
        app.add_middleware(PrefixMiddleware, prefix=settings.root_path)
