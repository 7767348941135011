"""The content of URLs, within limits of place, size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from io import BytesIO
from time import time
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from imagefinder.downloads.http.decompression import inflater
from imagefinder.downloads.http.ssrf import Allowed, Guard, Resolve, is_public
from imagefinder.downloads.http.urls import checked, redirected
from imagefinder.errors import (
    AnswerRefused,
    FetchError,
    ImageError,
    ImageTooLarge,
    TimedOut,
    Unreachable,
    UrlRefused,
)
from imagefinder.images.formats import Glimpse, glimpse
from imagefinder.images.limits import LIMITS, Limits

Result = TypeVar("Result")
Write: TypeAlias = Callable[[bytes], object]

_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses that another time may mend
_HEADERS = {
    "User-Agent": "imagefinder",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class FetchLimits:
    """What one fetch may cost, and where it may go."""

    max_bytes: int = LIMITS.max_bytes
    """Of the content; where it comes compressed, after that is undone."""
    seconds: float = 60.0
    """From the first look-up to the last byte, redirects included."""
    silence: float = 15.0
    """Seconds without a byte; also what a connection may take to be made."""
    redirects: int = 5
    allow_private: bool = False
    """Whether addresses that are not public may be reached: for tests and intranets."""


class Fetcher:
    """Fetches any number of URLs at a time, over connections that it keeps; ``async with`` it.

    Names are looked up once for each connection, and that is made to the very addresses that were
    checked. There are no cookies, no proxies and no credentials, of the environment or else.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        resolve: Resolve | None = None,
        allowed: Allowed | None = None,
    ) -> None:
        """``resolve`` and ``allowed`` stand in for the system's look-up and for ``is_public``."""
        self._limits = limits or FetchLimits()
        anywhere = self._limits.allow_private
        self._allowed = allowed or ((lambda _: True) if anywhere else is_public)
        self._resolve = resolve

    async def __aenter__(self) -> Self:
        """Nothing is connected yet."""
        guard = Guard(self._allowed, self._resolve)
        wait = self._limits.silence
        self._guard = guard
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=guard, socket_factory=guard.socket),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=wait, sock_read=wait),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes all connections."""
        await self._session.close()
        await self._guard.close()

    async def fetch(self, url: str, write: Write) -> None:
        """Hand the content over, piece by piece as it comes. Raises FetchError.

        Some of it may have been handed over by then.
        """
        with _told(self._limits):
            async with asyncio.timeout(self._limits.seconds):
                await self._follow(checked(url), write)

    async def _follow(self, url: URL, write: Write) -> None:
        for _ in range(self._limits.redirects + 1):
            async with self._session.get(url, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or location is None:
                    return await self._receive(response, write)
                url = redirected(url, location)
        raise AnswerRefused("redirects", f"more than {self._limits.redirects} redirects")

    async def _receive(self, response: aiohttp.ClientResponse, write: Write) -> None:
        if response.status != 200:
            raise _refused(response)
        most = self._limits.max_bytes
        if (response.content_length or 0) > most:
            raise _too_large(most)
        inflated = inflater(response.headers.get("Content-Encoding", ""))
        count = 0
        async for chunk in response.content.iter_any():
            for piece in inflated(chunk):
                count += len(piece)
                if count > most:
                    raise _too_large(most)
                write(piece)


def fetch(url: str, limits: FetchLimits | None = None) -> bytes:
    """The bytes of the image at a URL; that it is one is told from them. Raises FetchError."""
    return fetch_all([url], limits)[0]


def fetch_all(urls: Sequence[str], limits: FetchLimits | None = None) -> list[bytes]:
    """The same of several at a time, in order; the limits are what they may cost together.

    Raises FetchError for the first that cannot be had.
    """
    limits = limits or FetchLimits()
    count = 0

    async def fetched(fetcher: Fetcher, url: str) -> bytes:
        data = bytearray()

        def write(piece: bytes) -> None:
            nonlocal count
            count += len(piece)
            if count > limits.max_bytes:
                raise _too_large(limits.max_bytes)
            data.extend(piece)

        await fetcher.fetch(url, write)
        sniffed(BytesIO(data))
        return bytes(data)

    async def all_of_them() -> list[bytes]:
        async with Fetcher(limits) as fetcher:
            return await asyncio.gather(*(fetched(fetcher, url) for url in urls))

    return run(all_of_them())


def sniffed(file: BinaryIO, limits: Limits = LIMITS) -> Glimpse:
    """What kind of image has come. Raises AnswerRefused if it is none that is accepted."""
    try:
        return glimpse(file, limits)
    except ImageError as error:
        reason = "too-many-pixels" if isinstance(error, ImageTooLarge) else "not-a-image"
        raise AnswerRefused(reason, str(error)) from error


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Do it to its end, also where an event loop runs already (as in a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(_run, work).result()


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        from uvloop import new_event_loop
    except ImportError:  # as on Windows
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


@contextmanager
def _told(limits: FetchLimits) -> Iterator[None]:
    """Whatever goes wrong on the way becomes a FetchError with its reason."""
    try:
        yield
    except aiohttp.SocketTimeoutError as error:
        text = f"no byte came for {limits.silence:g} s"
        raise TimedOut("silence", text, again=True) from error
    except aiohttp.ConnectionTimeoutError as error:
        text = f"no connection within {limits.silence:g} s"
        raise TimedOut("connect", text, again=True) from error
    except TimeoutError as error:
        raise TimedOut("timeout", f"it took longer than {limits.seconds:g} s") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unreachable("certificate", f"its certificate is not valid: {_line(error)}") from error
    except aiohttp.ClientSSLError as error:
        raise Unreachable("tls", f"no secure connection: {_line(error)}") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise Unreachable("dns", "its host's name is not known", again=True) from error
    except aiohttp.InvalidURL as error:
        raise UrlRefused("not-a-url", f"it is no URL: {_line(error)}") from error
    except aiohttp.ClientPayloadError as error:
        raise Unreachable("cut-short", "the answer broke off", again=True) from error
    except (aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError, ValueError) as error:
        raise AnswerRefused("protocol", f"the answer is no HTTP: {_line(error)}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable("connect", f"no connection: {_line(error)}", again=True) from error


def _refused(response: aiohttp.ClientResponse) -> FetchError:
    status = response.status
    return AnswerRefused(
        f"http-{status}",
        f"the server answered {status}",
        again=status in _PASSING,
        wait=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(retry_after: str | None) -> float | None:
    """What ``Retry-After`` asks for: a number of seconds, or a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (ValueError, OverflowError):
        return None


def _too_large(most: int) -> FetchError:
    return AnswerRefused("too-large", f"larger than {most:,} bytes")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
