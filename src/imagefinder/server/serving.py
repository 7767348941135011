"""Serving: an application on a port, in one process or as one of several workers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from imagefinder.finder import Finder
from imagefinder.server.app import create_app
from imagefinder.server.catalogues import check_distinct
from imagefinder.server.connections import ConnectionLimits, affordable_connections
from imagefinder.server.decoding import bound_decoding
from imagefinder.server.hangup import hangups
from imagefinder.server.listener import BACKLOG, bound_socket, listen, url_of
from imagefinder.server.log_config import log_to_stderr
from imagefinder.server.metrics import share_metrics
from imagefinder.server.middleware.prefix import ForwardedPrefixMiddleware
from imagefinder.server.protocol import limited_protocol
from imagefinder.server.settings import Settings
from imagefinder.server.worker import Seat
from imagefinder.server.worker_server import WorkerServer

_BLANK = np.full((64, 64, 3), 255, np.uint8)
_DEFAULT = Settings()

log = logging.getLogger("imagefinder.server")


def serve(finders: Sequence[Finder], host: str, port: int, settings: Settings = _DEFAULT) -> None:
    """Serve until interrupted. Raises OSError if it cannot listen, and what a search may raise."""
    _prepare(finders, settings)
    app = create_app(finders[0], settings, finders[1:])
    with bound_socket(host, port) as listener:
        listen(listener)
        server = uvicorn.Server(_uvicorn_config(app, settings))
        log.info("ImageFinder is running on %s (Ctrl-C stops it)", url_of(listener))
        with hangups(partial(setattr, server, "should_exit", True)):
            server.run(sockets=[listener])


def serve_worker(finders: Sequence[Finder], seat: Seat, settings: Settings = _DEFAULT) -> None:
    """Serve as one of several, until the supervisor says otherwise, or is gone.

    Raises what ``serve`` raises.
    """
    share_metrics(seat.shared, seat.number)
    memory = settings.decoding_memory // seat.count
    settings = replace(settings, decoding_memory=memory, shared=seat.shared)
    _prepare(finders, settings)
    app = create_app(finders[0], settings, finders[1:])
    WorkerServer(_uvicorn_config(app, settings), seat).run()


def _prepare(finders: Sequence[Finder], settings: Settings) -> None:
    check_distinct(finders)
    bound_decoding(settings)
    for finder in finders:
        finder.search(_BLANK)  # load the model before the first request, or fail now
    log_to_stderr()
    if not any(len(finder) for finder in finders):
        log.info("the catalogue is empty: add images with imagefinder add, even while this runs")


def _uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    limits = ConnectionLimits(affordable_connections())
    return uvicorn.Config(
        _behind_proxies(app, settings.proxies),
        log_config=None,
        http=limited_protocol(limits),
        ws="none",
        backlog=BACKLOG,
        timeout_keep_alive=limits.idle_seconds,
        access_log=False,  # RequestLogMiddleware writes one with request ids
        server_header=False,
        proxy_headers=False,  # see _behind_proxies
        timeout_graceful_shutdown=int(settings.timeout) + 1,
    )


def _behind_proxies(app: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """With the addresses and the prefix that these proxies forward."""
    if not proxies:
        return app
    forwarded: Any = ProxyHeadersMiddleware(app, list(proxies))  # type: ignore[arg-type]
    return ForwardedPrefixMiddleware(forwarded, forwarded.trusted_hosts)
