"""The HTTP application: its catalogues, its routes, and what every request passes."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from imagefinder import __version__
from imagefinder.finder import Finder
from imagefinder.server.api_keys import KeyFile, KeyRing, NeedsKey
from imagefinder.server.catalogues import check_distinct, serving
from imagefinder.server.log_config import log_to_stderr
from imagefinder.server.map_cache import Maps
from imagefinder.server.metrics import Metrics
from imagefinder.server.middleware.body_limit import UploadCap
from imagefinder.server.middleware.cors import Origins
from imagefinder.server.middleware.csrf import SameSite
from imagefinder.server.middleware.head import Heads
from imagefinder.server.middleware.rate_limit import RateLimit
from imagefinder.server.middleware.request_log import Observed
from imagefinder.server.middleware.security_headers import SecurityHeaders
from imagefinder.server.middleware.timeout import Deadline
from imagefinder.server.middleware.trusted_host import Hosts
from imagefinder.server.openapi import DESCRIPTION, EVERYWHERE, add_document
from imagefinder.server.problems import add_handlers
from imagefinder.server.routes import (
    compare,
    duplicates,
    images,
    legacy,
    maps,
    search,
    status,
    ui,
)
from imagefinder.server.settings import Settings

_BLANK = np.full((64, 64, 3), 255, np.uint8)
_DEFAULT = Settings()

log = logging.getLogger("imagefinder.server")


def create_app(
    catalogue: Finder | str | os.PathLike[str],
    settings: Settings = _DEFAULT,
    also: Sequence[Finder | str | os.PathLike[str]] = (),
) -> FastAPI:
    """The application for a catalogue, ``also`` for others by other encoders; closed with it.

    Images that other programs add are found at once. Raises KeyFileError for keys that cannot be
    read; catalogues that cannot be used are told when it starts.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        finders = [
            one if isinstance(one, Finder) else Finder.open(one) for one in (catalogue, *also)
        ]
        with serving(finders, metrics.encoded.observe) as served:
            app.state.catalogues = served
            metrics.count(partial(len, served.first.finder))
            yield

    app = FastAPIOffline(
        title="ImageFinder",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
        responses=EVERYWHERE,
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.maps = Maps()
    add_handlers(app)
    for part in (ui, search, compare, images, duplicates, maps, status, legacy):
        app.include_router(part.router)
    app.mount("/page", ui.files)
    add_document(app, settings.keys is not None)
    _guard(app, settings, metrics)
    return app


def _guard(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """What every request passes, the last of these first."""
    app.add_middleware(Heads)
    if settings.keys is not None:
        app.add_middleware(NeedsKey, ring=KeyRing(KeyFile(settings.keys)))
    app.add_middleware(SameSite, origins=settings.origins)
    if settings.origins:
        app.add_middleware(Origins, origins=settings.origins)
    if settings.rate is not None:
        app.add_middleware(RateLimit, a_minute=settings.rate)
    app.add_middleware(Hosts, names=settings.hosts)
    app.add_middleware(UploadCap, max_bytes=settings.max_upload)
    app.add_middleware(Deadline, seconds=settings.timeout)
    app.add_middleware(SecurityHeaders, shared=bool(settings.origins))
    app.add_middleware(Observed, metrics=metrics)


def serve(finders: Sequence[Finder], host: str, port: int, settings: Settings = _DEFAULT) -> None:
    """Serve until stopped. Raises OSError where it cannot listen, and what a search may raise."""
    check_distinct(finders)
    for finder in finders:
        finder.search(_BLANK)  # says now if a model is gone, and spares the first request the wait
    log_to_stderr()
    if not any(len(finder) for finder in finders):
        log.info("there are no images yet: imagefinder add brings some, also while this runs")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    app = create_app(finders[0], settings, finders[1:])
    with socket.create_server((host, port), family=family) as listener:
        # asyncio does so only where a socket names its protocol; else answers wait for 40 ms
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # ours has the request's id
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                timeout_graceful_shutdown=int(settings.timeout) + 1,
            )
        )
        taken = listener.getsockname()[1]
        log.info("ImageFinder is running on http://%s:%d (Ctrl-C stops it)", host, taken)
        server.run(sockets=[listener])
