"""HTTP/1.1 on a connection: uvicorn's protocol, with the limits that it lacks.

Uvicorn has no deadline for a head, no cap on it with httptools, no limit of idle connections, and
none for a client that does not read its response.
"""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from imagefinder.server.connections import ConnectionLimits, OpenConnections
from imagefinder.server.problems import problem_response

_RECENT_SECONDS = 0.25


class LimitedProtocol(HttpToolsProtocol):
    """One connection. ``limited_protocol`` makes the class for a server."""

    pool: ClassVar[OpenConnections]
    limits: ClassVar[ConnectionLimits]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept it, in the place of the one that has been idle longest if there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._head_timer: TimerHandle | None = None
        self._write_timer: TimerHandle | None = None
        self._unsent = 0
        self._took_some = False
        self._loose_bytes = 0
        self._head_bytes = 0
        self._is_retiring = False
        self._refusal = 400, "this is not a request of HTTP/1.1"
        self.pool.count += 1
        self._is_counted = True
        self.pool.make_room()
        self._wait()
        self._start_head_timer()
        self._is_surplus = self.pool.is_full
        if self.pool.is_overfull:
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave()
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    @property
    def is_recent(self) -> bool:
        """Whether it has been in its state for so short that its client may not be blamed."""
        return self.loop.time() - self._since < _RECENT_SECONDS

    def drop(self) -> None:
        """Close it at once; what is unsent is lost."""
        self._leave()
        self.transport.abort()

    def retire(self) -> None:
        """Close it with the next response that begins: the client learns of it from the head."""
        self._is_retiring = True
        if self._is_running() and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Parse it; bytes that belong to no body are counted."""
        self._loose_bytes += len(data)
        if self in self.pool.waiting:
            self._start_head_timer()
        super().data_received(data)
        if self._loose_bytes > self.limits.head_bytes and not self.transport.is_closing():
            self._refusal = 431, f"the head is larger than {self.limits.head_bytes:,} bytes"
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        # GateMiddleware reads it
        self.scope["state"]["is_surplus"] = self._is_surplus and self.pool.is_full

    def on_url(self, url: bytes) -> None:
        """A piece of the path and query."""
        super().on_url(url)
        if len(self.url) > self.limits.target_bytes:
            limit = self.limits.target_bytes
            self._refuse(414, f"the path with its query is longer than {limit:,} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or one behind a body in chunks."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.limits.head_bytes:
            self._refuse(431, f"the head is larger than {self.limits.head_bytes:,} bytes")
        if len(self.headers) >= self.limits.fields:
            self._refuse(431, f"there are more than {self.limits.fields} header fields")
        if name.lower() == b"transfer-encoding" and value.strip().lower() != b"chunked":
            self._refuse(501, "the only Transfer-Encoding here is chunked: leave the others out")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request is run from now on."""
        self._loose_bytes = 0
        self._stop_waiting()
        self.pool.receiving[self] = None
        self._since = self.loop.time()
        super().on_headers_complete()
        if self._is_retiring:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._loose_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; a further one may follow."""
        self._loose_bytes = self._head_bytes = 0
        self.pool.receiving.pop(self, None)
        super().on_message_complete()

    def _refuse(self, status: int, detail: str) -> None:
        """Stop the parser, which then asks for a response."""
        self._refusal = status, detail
        raise ValueError(detail)

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with the head, and close."""
        if not self._is_running():
            response = problem_response(*self._refusal, {"Connection": "close"})
            fields = [b"%b: %b\r\n" % one for one in response.raw_headers]
            head = b"".join([STATUS_LINE[response.status_code], *fields, b"\r\n"])
            self.transport.write(head + bytes(response.body))
        self._close()

    def _leave(self) -> None:
        # counted out at once: many may be dropped before the loop says that they are lost
        self.pool.count -= self._is_counted
        self._is_counted = False
        self._stop_waiting()

    def _wait(self) -> None:
        self._since = self.loop.time()
        self.pool.waiting[self] = None

    def _stop_waiting(self) -> None:
        self.pool.waiting.pop(self, None)
        self.pool.receiving.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if self.transport.is_closing():
            return
        if self._loose_bytes and self not in self.pool.receiving:
            self._refusal = 408, "the head of the request did not arrive in time"
            self.send_400_response("")
        else:  # nothing came, or the rest of a body whose request is already answered
            self._close()

    def on_response_complete(self) -> None:
        """Uvicorn now waits for the next request; the client may take its time for this response.

        Within limits: ``write_seconds``.
        """
        super().on_response_complete()
        if not self._is_running() and not self.transport.is_closing():
            self._wait()
        self._watch_writing()

    def pause_writing(self) -> None:
        """The client does not read as fast as the response is made."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """The client has read enough for more."""
        super().resume_writing()
        self._took_some = True

    def shutdown(self) -> None:
        """The server ends: close it once its response is complete."""
        super().shutdown()
        self._watch_writing()

    def timeout_keep_alive_handler(self) -> None:
        """There was no further request."""
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._watch_writing()

    def _watch_writing(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent and self._write_timer is None:
            self._unsent, seconds = unsent, self.limits.write_seconds
            self._write_timer = self.loop.call_later(seconds, self._check_writing)

    def _check_writing(self) -> None:
        self._write_timer = None
        takes_some = self._took_some or self.transport.get_write_buffer_size() < self._unsent
        self._took_some = False
        if takes_some:
            self._watch_writing()
        else:
            self.drop()

    def _is_running(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def limited_protocol(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """The protocol of one server, whose connections are counted together."""
    shared: dict[str, Any] = {"limits": limits, "pool": OpenConnections(limits)}
    return type("ServerProtocol", (LimitedProtocol,), shared)
