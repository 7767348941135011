"""A web server of the tests' own, down to the bytes, so that it can be as bad as any."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

Send: TypeAlias = Callable[[bytes], Awaitable[None]]
Answer: TypeAlias = "bytes | Callable[[Send], Awaitable[None]]"


@dataclass
class Web:
    """What is served under each path, and what was asked for."""

    routes: dict[str, "Answer | list[Answer]"] = field(default_factory=dict)
    """An answer, or one for each time it is asked for (the last for all further times)."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Host header and path of each request."""
    heads: list[str] = field(default_factory=list)
    """Request line and headers of each request."""
    delay: float = 0.0
    """Seconds before each answer."""
    at_once: int = 0
    """The most requests that were open at a time."""
    port: int = 0
    _open: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            await self._serve(reader, send)
            await writer.drain()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, send: Send) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            path = head.split(" ", 2)[1]
            host = head.lower().partition("\r\nhost: ")[2].partition("\r\n")[0]
            self.asked.append((host, path))
            self._open += 1
            self.at_once = max(self.at_once, self._open)
            try:
                await asyncio.sleep(self.delay)
                answer = self._answer(path)
                if callable(answer):
                    await answer(send)
                    return
                await send(answer)
            finally:
                self._open -= 1

    def _answer(self, path: str) -> Answer:
        found = self.routes.get(path, ok(b"", "404 Not Found"))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


def ok(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; names of headers are written with ``_`` for ``-``."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(to: str) -> bytes:
    return ok(b"", "302 Found", Location=to)


@contextmanager
def web(secure: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server in a thread of its own, until the end of the block."""
    served = Web()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def run() -> None:
        server = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=secure)
        served.port = server.sockets[0].getsockname()[1]
        ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        server.close()

    def thread() -> None:
        asyncio.set_event_loop(loop)
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(main)
        others = asyncio.all_tasks(loop)  # connections that are kept open
        for task in others:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*others, return_exceptions=True))
        loop.close()

    main = loop.create_task(run())
    runner = threading.Thread(target=thread)
    runner.start()
    try:
        assert ready.wait(60)
        yield served
    finally:
        loop.call_soon_threadsafe(main.cancel)
        runner.join(60)
