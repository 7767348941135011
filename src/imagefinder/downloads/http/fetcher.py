"""HTTP fetcher: redirects, limits on size and time, and only public addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from imagefinder._utils.retry_after import retry_after
from imagefinder._utils.text import one_line
from imagefinder.downloads.http.cookies import FetchCookies
from imagefinder.downloads.http.decompression import inflater
from imagefinder.downloads.http.headers import checked_headers, default_headers, for_other_host
from imagefinder.downloads.http.ssrf import Allowed, PublicResolver, Resolve, is_public
from imagefinder.downloads.http.urls import checked, redirected
from imagefinder.downloads.validators import NONE, Validators
from imagefinder.errors import (
    FetchError,
    ImageError,
    ImageTooLarge,
    ResponseRefused,
    TimedOut,
    Unreachable,
    UrlRefused,
)
from imagefinder.images.formats import ImageHeader, probe
from imagefinder.images.limits import LIMITS, Limits

Result = TypeVar("Result")
Write: TypeAlias = Callable[[bytes], object]

_REDIRECTS = (301, 302, 303, 307, 308)
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # statuses worth a retry


@dataclass(frozen=True)
class FetchLimits:
    """Limits of one fetch: size, time, redirects and addresses."""

    max_bytes: int = LIMITS.max_bytes
    """Of the content, after decompression."""
    seconds: float = 60.0
    """Timeout from the DNS lookup to the last byte, redirects included."""
    silence: float = 15.0
    """Read timeout in seconds, and connect timeout."""
    redirects: int = 5
    allow_private: bool = False
    """Whether private addresses may be fetched from: for tests and intranets."""


class Fetcher:
    """Fetches any number of URLs concurrently over pooled connections; use it with ``async with``.

    A name is resolved once for each connection, which is made to the very addresses that were
    checked. No proxies or credentials are taken from the environment, and cookies are forgotten
    with each fetch.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        resolve: Resolve | None = None,
        allowed: Allowed | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``resolve`` replaces the system's DNS lookup, ``allowed`` replaces ``is_public``.

        ``headers`` are sent with each request. After a redirect to another host, those that may
        hold a secret are left out. Raises ValueError for headers that cannot be sent.
        """
        self._limits = limits or FetchLimits()
        anywhere = self._limits.allow_private
        self._allowed = allowed or ((lambda _: True) if anywhere else is_public)
        self._resolve = resolve
        self._headers = checked_headers(headers or {})

    async def __aenter__(self) -> Self:
        """Open a session; connections are made on demand."""
        resolver = PublicResolver(self._allowed, self._resolve)
        silence = self._limits.silence
        self._resolver = resolver
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, resolver=resolver, socket_factory=resolver.socket
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=silence, sock_read=silence),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=default_headers(),
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
        """Close all connections."""
        await self._session.close()
        await self._resolver.close()

    async def fetch(self, url: str, write: Write, known: Validators = NONE) -> Validators | None:
        """Stream the content to ``write``, unless its version is ``known``: then it is ``None``.

        Raises FetchError, perhaps after a part of the content.
        """
        with translate_errors(self._limits):
            async with asyncio.timeout(self._limits.seconds):
                return await self._follow(checked(url), write, known)

    async def _follow(self, url: URL, write: Write, known: Validators) -> Validators | None:
        cookies = FetchCookies()
        origin = url.origin()
        for _ in range(self._limits.redirects + 1):
            is_other = url.origin() != origin
            headers = for_other_host(self._headers) if is_other else dict(self._headers)
            headers |= known.conditions()
            cookies.add_to(headers, url)
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status == 304 and known != NONE:
                    return None
                if response.status not in _REDIRECTS or location is None:
                    return await self._receive(response, write)
                cookies.keep(response.cookies, url)
                url = redirected(url, location)
        raise ResponseRefused("redirects", f"more than {self._limits.redirects} redirects")

    async def _receive(self, response: aiohttp.ClientResponse, write: Write) -> Validators:
        if response.status != 200:
            raise _bad_status(response)
        most = self._limits.max_bytes
        if (response.content_length or 0) > most:
            raise too_large(most)
        inflated = inflater(response.headers.get("Content-Encoding", ""))
        count = 0
        async for chunk in response.content.iter_any():
            for piece in inflated(chunk):
                count += len(piece)
                if count > most:
                    raise too_large(most)
                write(piece)
        return Validators.of(response.headers)


def fetch(url: str, limits: FetchLimits | None = None) -> bytes:
    """The bytes of the image at a URL, checked to be one. Raises FetchError."""
    return fetch_all([url], limits)[0]


def fetch_all(urls: Sequence[str], limits: FetchLimits | None = None) -> list[bytes]:
    """Several images concurrently, in order; ``max_bytes`` is the limit of all together.

    Raises FetchError for the first that fails.
    """
    limits = limits or FetchLimits()
    count = 0

    async def fetch_one(fetcher: Fetcher, url: str) -> bytes:
        data = bytearray()

        def write(piece: bytes) -> None:
            nonlocal count
            count += len(piece)
            if count > limits.max_bytes:
                raise too_large(limits.max_bytes)
            data.extend(piece)

        await fetcher.fetch(url, write)
        probe_image(BytesIO(data))
        return bytes(data)

    async def gather_all() -> list[bytes]:
        async with Fetcher(limits) as fetcher:
            return await asyncio.gather(*(fetch_one(fetcher, url) for url in urls))

    return run(gather_all())


def probe_image(file: BinaryIO, limits: Limits = LIMITS) -> ImageHeader:
    """Format and size of an image. Raises ResponseRefused unless it is an accepted image."""
    try:
        return probe(file, limits)
    except ImageError as error:
        reason = "too-many-pixels" if isinstance(error, ImageTooLarge) else "not-an-image"
        raise ResponseRefused(reason, str(error)) from error


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, also inside a running event loop (as in a notebook)."""
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
def translate_errors(limits: FetchLimits) -> Iterator[None]:
    """Errors of aiohttp and of sockets as FetchError with a reason."""
    try:
        yield
    except aiohttp.SocketTimeoutError as error:
        text = f"no data for {limits.silence:g} s"
        raise TimedOut("silence", text, retryable=True) from error
    except aiohttp.ConnectionTimeoutError as error:
        text = f"no connection within {limits.silence:g} s"
        raise TimedOut("connect", text, retryable=True) from error
    except TimeoutError as error:
        raise TimedOut("timeout", f"took longer than {limits.seconds:g} s") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unreachable("certificate", f"invalid certificate: {_line(error)}") from error
    except aiohttp.ClientSSLError as error:
        raise Unreachable("tls", f"TLS connection failed: {_line(error)}") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise Unreachable("dns", "host name not found", retryable=True) from error
    except aiohttp.InvalidURL as error:
        raise UrlRefused("not-a-url", f"invalid URL: {_line(error)}") from error
    except aiohttp.ClientPayloadError as error:
        raise Unreachable("cut-short", "the response was cut short", retryable=True) from error
    except (aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError, ValueError) as error:
        raise ResponseRefused("protocol", f"invalid HTTP response: {_line(error)}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(
            "connect", f"connection failed: {_line(error)}", retryable=True
        ) from error


def _bad_status(response: aiohttp.ClientResponse) -> FetchError:
    status = response.status
    return ResponseRefused(
        f"http-{status}",
        f"HTTP status {status}",
        retryable=status in _TEMPORARY,
        retry_after=retry_after(response.headers.get("Retry-After")),
    )


def too_large(most: int) -> FetchError:
    """What is said of more bytes than that."""
    return ResponseRefused("too-large", f"larger than {most:,} bytes")


def _line(error: BaseException) -> str:
    return one_line(error)[:200]
