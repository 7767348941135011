"""Each request gets an id, a line in the log and a place in the figures; no failure is silent."""

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
from imagefinder.server.problems import problem

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

log = logging.getLogger("imagefinder.server")


class Observed:
    """Middleware, the outermost: whatever is raised below it becomes a 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Counts in these ``metrics``."""
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id.set(given if _ID.fullmatch(given) else uuid4().hex)
        answer = _Answer(send)
        try:
            with self.metrics.running.track_inprogress():
                await self._run(scope, receive, answer)
        finally:
            seconds = perf_counter() - began
            self.metrics.answered(scope, answer.status, seconds)
            _note(scope, answer.status, seconds)

    async def _run(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self.app(scope, receive, answer)
        except Exception:
            log.exception("a request failed")
            if not answer.status:
                refusal = problem(500, "the server failed; its log says why")
                await refusal(scope, receive, answer)


@dataclass
class _Answer:
    """Passes an answer on, with the request's id; remembers its status."""

    send: Send
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = request_id.get() or ""
        await self.send(message)


def _note(scope: Scope, status: int, seconds: float) -> None:
    client = scope["client"][0] if scope.get("client") else None
    about = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(1000 * seconds, 1),
        "client": client,
        "key": scope.get("state", {}).get("key_name"),
    }
    shown = scope["path"].encode("unicode_escape").decode()  # no line of its own, in a terminal
    log.info(
        "%s %s %s %d %.1f ms",
        client,
        scope["method"],
        shown,
        status,
        1000 * seconds,
        extra={"about": {name: value for name, value in about.items() if value is not None}},
    )
