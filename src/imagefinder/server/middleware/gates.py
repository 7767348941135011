"""Gates: slow work waits in a queue of its own, and is refused with 503 when that is full.

Routes run in one pool of 40 threads. The capacities are fewer than that together, so that nothing
else ever waits for a thread: a flood of maps delays no search, and nothing delays a health check.
"""

from __future__ import annotations

import re

from starlette._utils import get_route_path  # what the routes are matched with
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagefinder.server.batch_paths import is_batch
from imagefinder.server.gate import Gate, GateFull
from imagefinder.server.problems import problem_response

_HEALTH = "/healthz"
_IMAGE = re.compile(r"/v1/images/[^/]+/(file|thumbnail)")
_RECORDS = re.compile(r"/readyz|/metrics|/v1/stats|/v1/images(/[^/]+)?")
_DUPLICATES = ("/v1/duplicates", "/v1/duplicates/stream")
_STATIC = ("/docs", "/page/", "/static-offline-docs/", "/openapi.json")
_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")
_UNIT = 1_000_000
_RETRY = {"Retry-After": "5"}


class GateMiddleware:
    """Admits a request once its body is complete, until its response begins."""

    def __init__(self, app: ASGIApp) -> None:
        """With gates of its own."""
        self.app = app
        self.map = Gate(1, 16)
        self.duplicates = Gate(1, 4)
        self.images = Gate(6, 256)
        # which hold Python's lock: more of them at once would only delay the event loop
        self.records = Gate(3, 256)
        # of bodies in memory, in megabytes; a small one counts as one
        self.others = Gate(24, 256)
        # which each work in one thread for as long as they take
        self.batches = Gate(3, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        path = get_route_path(scope) if scope["type"] == "http" else ""
        if scope["type"] != "http" or path == _HEALTH:
            await self.app(scope, receive, send)
        elif scope.get("state", {}).get("is_surplus"):
            detail = "too many connections: try again later"
            await _refusal(detail, {"Connection": "close"})(scope, receive, send)
        elif path == "/" or path.startswith(_STATIC):
            await self.app(scope, receive, send)
        elif is_batch(scope):
            await self._admit_batch(scope, receive, send)
        else:
            await self._admit(self._gate_of(scope["method"], path), scope, receive, send)

    async def _admit_batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """From its beginning to its end, unless it is refused, or leaves by what its state has."""
        passage = _Passage(self.batches, receive, send)
        scope["state"] = scope.get("state", {}) | {"leave": passage.leave}

        async def send_and_leave(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                passage.leave()
            await send(message)

        try:
            await passage.enter()
            await self.app(scope, receive, send_and_leave)
        except GateFull:
            await _refusal("other batches are being received: try again later")(
                scope, receive, send
            )
        finally:
            passage.leave()

    def _gate_of(self, method: str, path: str) -> Gate:
        if path.startswith("/v1/map"):
            return self.map
        if path in _DUPLICATES:
            return self.duplicates
        if method == "GET" and _RECORDS.fullmatch(path):
            return self.records
        return self.images if _IMAGE.fullmatch(path) else self.others

    async def _admit(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        passage = _Passage(gate, receive, send)
        try:
            if scope["method"] in _WITHOUT_BODY:
                await passage.enter()
            await self.app(scope, passage.receive, passage.send)
        except GateFull:
            await _refusal("the server is busy: try again later")(scope, receive, send)
        finally:
            passage.leave()


class _Passage:
    """The channels of a request that passes a gate."""

    def __init__(self, gate: Gate, receive: Receive, send: Send) -> None:
        self._gate = gate
        self._receive = receive
        self._send = send
        self._bytes = 0
        self._held = 0
        self._has_entered = False

    async def enter(self) -> None:
        if not self._has_entered:
            self._has_entered = True
            self._held = await self._gate.enter(1 + self._bytes // _UNIT)

    def leave(self) -> None:
        held, self._held = self._held, 0
        if held:
            self._gate.leave(held)

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if message["type"] == "http.request" and not message.get("more_body"):
            try:
                await self.enter()
            except GateFull:  # inside a route, which knows how to answer this
                raise HTTPException(503, "the server is busy: try again later", _RETRY) from None
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.leave()
        await self._send(message)


def _refusal(detail: str, headers: dict[str, str] | None = None) -> ASGIApp:
    return problem_response(503, detail, _RETRY | (headers or {}))
