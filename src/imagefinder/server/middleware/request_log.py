"""Request IDs, access log and metrics; unhandled exceptions become a 500."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagefinder.server.log_config import request_id
from imagefinder.server.metrics import Metrics
from imagefinder.server.problems import problem_response

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

log = logging.getLogger("imagefinder.server")


class RequestLogMiddleware:
    """The outermost middleware: whatever is raised inside becomes a 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Records every request in ``metrics``."""
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; a valid ``X-Request-ID`` header becomes its id."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id.set(given if _ID.fullmatch(given) else uuid4().hex)
        responder = _Responder(send)
        try:
            with self.metrics.running.track_inprogress():
                await self._run(scope, receive, responder)
        finally:
            seconds = perf_counter() - start
            self.metrics.observe(scope, responder.status, seconds)
            _log_access(scope, responder.status, seconds)

    async def _run(self, scope: Scope, receive: Receive, responder: _Responder) -> None:
        try:
            await self.app(scope, receive, responder)
        except Exception:
            log.exception("unhandled exception")
            if not responder.status:
                response = problem_response(500, "internal server error: see the server's log")
                await response(scope, receive, responder)


@dataclass
class _Responder:
    """The send channel of a request: adds its id to the response and remembers the status."""

    send: Send
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = request_id.get() or ""
        await self.send(message)


def _log_access(scope: Scope, status: int, seconds: float) -> None:
    client = scope["client"][0] if scope.get("client") else None
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(1000 * seconds, 1),
        "client": client,
        "key": scope.get("state", {}).get("key_name"),
    }
    path = scope["path"].encode("unicode_escape").decode()  # no log injection by line breaks
    log.info(
        "%s %s %s %d %.1f ms",
        client,
        scope["method"],
        path,
        status,
        1000 * seconds,
        extra={"fields": {name: value for name, value in fields.items() if value is not None}},
    )
