"""What a fetch gives, and what it refuses, against a server that is as bad as any."""

import asyncio
import gzip
import pickle
import zlib
from collections.abc import Iterable
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from imagefinder._utils.retry_after import retry_after
from imagefinder.downloads.http import Fetcher, FetchLimits, fetch, fetch_all
from imagefinder.errors import AddressRefused, FetchError

from .conftest import Jpeg
from .server import Send, Web, ok, redirect

LIMITS = FetchLimits(allow_private=True, seconds=2, silence=1, max_bytes=100_000)


def refused(url: str, limits: FetchLimits = LIMITS, **parts: Any) -> FetchError:
    """What a fetch of this URL alone raises."""

    async def fetched() -> None:
        async with Fetcher(limits, **parts) as fetcher:
            await fetcher.fetch(url, lambda _: None)

    with pytest.raises(FetchError) as refusal:
        asyncio.run(fetched())
    assert "\n" not in str(refusal.value)
    return refusal.value


def answers(*rounds: Iterable[str]) -> Any:
    """A stand-in for the system's look-up: the addresses of the first call, the second, …"""
    waiting = [list(one) for one in rounds]

    async def resolve(host: str, port: int) -> list[str]:
        return waiting.pop(0)

    return resolve


def test_an_image_comes_back_whatever_it_is_called(served: Web, jpeg: Jpeg) -> None:
    served.routes["/a.html"] = ok(jpeg(), Content_Type="text/html")
    assert fetch(served.url("/a.html"), LIMITS) == jpeg()
    assert served.asked == [(f"127.0.0.1:{served.port}", "/a.html")]


@pytest.mark.parametrize(
    "body", [b"<!doctype html><p>an error page", b"", b"\x7fELF", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_only_says_that_it_is_an_image_is_refused(served: Web, body: bytes) -> None:
    served.routes["/a.jpg"] = ok(body, Content_Type="image/jpeg")
    with pytest.raises(FetchError) as refusal:
        fetch(served.url("/a.jpg"), LIMITS)
    assert refusal.value.reason == "not-an-image"


def test_an_image_of_too_many_pixels_is_refused(served: Web) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + name + data + check

    side = (15_000).to_bytes(4, "big")
    head = chunk(b"IHDR", side + side + bytes([1, 0, 0, 0, 0]))
    rows = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    served.routes["/a.png"] = ok(b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b""))
    with pytest.raises(FetchError) as refusal:
        fetch(served.url("/a.png"), LIMITS)
    assert refusal.value.reason == "too-many-pixels"


def test_several_come_back_in_their_order(served: Web, jpeg: Jpeg) -> None:
    served.routes = {f"/{number}": ok(jpeg(number)) for number in range(5)}
    served.delay = 0.05
    assert fetch_all([served.url(path) for path in served.routes], LIMITS) == [
        jpeg(number) for number in range(5)
    ]
    assert served.at_once == 5


def test_several_may_not_cost_more_than_one(served: Web, jpeg: Jpeg) -> None:
    served.routes["/a.jpg"] = ok(jpeg())
    limits = replace(LIMITS, max_bytes=3 * len(jpeg()))
    assert len(fetch_all([served.url("/a.jpg")] * 3, limits)) == 3
    with pytest.raises(FetchError) as refusal:
        fetch_all([served.url("/a.jpg")] * 4, limits)
    assert refusal.value.reason == "too-large"


def test_one_that_is_refused_refuses_all(served: Web, jpeg: Jpeg) -> None:
    served.routes = {"/a.jpg": ok(jpeg()), "/b.jpg": ok(b"none")}
    with pytest.raises(FetchError) as refusal:
        fetch_all([served.url("/a.jpg"), served.url("/b.jpg")], LIMITS)
    assert refusal.value.reason == "not-an-image"


def test_in_a_running_event_loop_it_works_too(served: Web, jpeg: Jpeg) -> None:
    served.routes["/a.jpg"] = ok(jpeg())

    async def notebook() -> bytes:
        return fetch(served.url("/a.jpg"), LIMITS)

    assert asyncio.run(notebook()) == jpeg()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_this_machine_is_refused_and_never_asked(served: Web, host: str) -> None:
    found = refused(served.url("/", host), FetchLimits())
    assert isinstance(found, AddressRefused)
    assert found.reason == "private-address"
    assert not found.retryable
    assert served.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
    ],
)
def test_private_and_metadata_addresses_are_refused(url: str) -> None:
    assert refused(url, FetchLimits()).reason == "private-address"


def test_a_name_is_refused_if_only_one_of_its_addresses_is_private() -> None:
    resolve = answers(["93.184.216.34", "10.0.0.7"])
    found = refused("http://images.example/", FetchLimits(), resolve=resolve)
    assert found.reason == "private-address"
    assert "10.0.0.7" not in str(found)


@pytest.mark.parametrize("to", ["http://127.0.0.2:{port}/", "http://169.254.169.254/", "//[::1]/"])
def test_a_redirect_to_a_private_address_is_refused(served: Web, to: str) -> None:
    served.routes["/"] = redirect(to.format(port=served.port))
    found = refused(served.url("/"), FetchLimits(), allowed=lambda one: one == "127.0.0.1")
    assert found.reason == "private-address"
    assert len(served.asked) == 1


def test_a_name_that_changes_its_address_is_looked_up_once_and_held_to_what_was_checked(
    served: Web, jpeg: Jpeg
) -> None:
    served.routes["/a.jpg"] = ok(jpeg())
    public = {"127.0.0.1"}  # what stands for a public address here
    resolve = answers(["127.0.0.1"], ["127.0.0.2"])
    url = served.url("/a.jpg", "images.example")

    async def fetched() -> list[bytes | str]:
        found: list[bytes | str] = []
        for _ in range(2):
            # each time as for the first time: no connection, and no name, is kept
            async with Fetcher(FetchLimits(), resolve, public.__contains__) as fetcher:
                data = bytearray()
                try:
                    await fetcher.fetch(url, data.extend)
                    found.append(bytes(data))
                except AddressRefused as error:
                    found.append(error.reason)
        return found

    assert asyncio.run(fetched()) == [jpeg(), "private-address"]
    assert served.asked == [(f"images.example:{served.port}", "/a.jpg")]


def test_the_last_check_is_at_the_socket(served: Web) -> None:
    verdicts = iter([True, False])  # as if the address had changed between look-up and connection
    resolve = answers(["127.0.0.1"])
    url = served.url("/", "images.example")
    found = refused(url, FetchLimits(), resolve=resolve, allowed=lambda _: next(verdicts))
    assert found.reason == "private-address"
    assert served.asked == []


def test_a_name_that_is_not_known_may_be_tried_again() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    found = refused("http://images.example/", resolve=resolve)
    assert found.reason == "dns"
    assert found.retryable


def test_a_redirect_loop_ends(served: Web) -> None:
    served.routes["/a"] = redirect("/b")
    served.routes["/b"] = redirect("/a")
    assert refused(served.url("/a")).reason == "redirects"
    assert len(served.asked) == LIMITS.redirects + 1


def test_redirects_are_followed_while_they_are_few(served: Web, jpeg: Jpeg) -> None:
    for number in range(LIMITS.redirects):
        served.routes[f"/{number}"] = redirect(f"{number + 1}")
    served.routes[f"/{LIMITS.redirects}"] = ok(jpeg())
    assert fetch(served.url("/0"), LIMITS) == jpeg()


@pytest.mark.parametrize("location", ["http://u:p@127.0.0.1/", "file:///etc/passwd", "http://0/"])
def test_a_redirect_to_what_is_no_url_to_go_to_is_refused(served: Web, location: str) -> None:
    served.routes["/"] = redirect(location)
    assert refused(served.url("/")).reason in ("credentials", "scheme", "odd-host")


def test_a_slow_drip_ends_with_the_time(served: Web) -> None:
    async def drip(send: Send) -> None:
        await send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            await send(b"x")
            await asyncio.sleep(0.05)

    served.routes["/"] = drip
    began = monotonic()
    found = refused(served.url("/"), replace(LIMITS, seconds=0.5, silence=0.3))
    assert found.reason == "timeout"
    assert not found.retryable
    assert monotonic() - began < 40, "the whole body takes 50 seconds"


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_silence_ends_sooner(served: Web, begin: bytes) -> None:
    async def hang(send: Send) -> None:
        await send(begin)
        await asyncio.sleep(30)

    served.routes["/"] = hang
    found = refused(served.url("/"), replace(LIMITS, seconds=20, silence=0.2))
    assert found.reason == "silence"
    assert found.retryable


def test_an_endless_body_is_cut_off(served: Web) -> None:
    sent = 0

    async def endless(send: Send) -> None:
        nonlocal sent
        await send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await send(b"\xff" * 10_000)
            sent += 10_000

    served.routes["/"] = endless
    assert refused(served.url("/")).reason == "too-large"
    assert sent < 50_000_000


def test_a_body_that_says_it_is_too_large_is_not_read(served: Web) -> None:
    served.routes["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"
    assert refused(served.url("/")).reason == "too-large"


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_what_is_compressed_is_restored(served: Web, jpeg: Jpeg, name: str) -> None:
    body = gzip.compress(jpeg()) if name == "gzip" else zlib.compress(jpeg())
    served.routes["/"] = ok(body, Content_Encoding=name)
    assert fetch(served.url("/"), LIMITS) == jpeg()


def test_a_bomb_of_gzip_is_cut_off_at_the_cap(served: Web) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < LIMITS.max_bytes
    served.routes["/"] = ok(bomb, Content_Encoding="gzip")
    received = bytearray()

    async def fetched() -> None:
        async with Fetcher(LIMITS) as fetcher:
            await fetcher.fetch(served.url("/"), received.extend)

    with pytest.raises(FetchError) as refusal:
        asyncio.run(fetched())
    assert refusal.value.reason == "too-large"
    assert len(received) <= LIMITS.max_bytes


@pytest.mark.parametrize("name", ["br", "gzip, gzip", "compress"])
def test_other_encodings_are_refused(served: Web, name: str) -> None:
    served.routes["/"] = ok(b"xx", Content_Encoding=name)
    assert refused(served.url("/")).reason == "encoding"


def test_damaged_gzip_is_refused(served: Web) -> None:
    served.routes["/"] = ok(b"not gzip", Content_Encoding="gzip")
    assert refused(served.url("/")).reason == "encoding"


def test_a_flood_of_headers_is_refused(served: Web) -> None:
    async def many(send: Send) -> None:
        await send(b"HTTP/1.1 200 OK\r\n")
        for number in range(1_000_000):
            await send(f"X-{number}: y\r\n".encode())

    async def long(send: Send) -> None:
        await send(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            await send(b"y" * 10_000)

    served.routes.update({"/many": many, "/long": long})
    assert refused(served.url("/many")).reason == "protocol"
    assert refused(served.url("/long")).reason == "protocol"


def test_what_is_no_http_is_refused(served: Web) -> None:
    async def other(send: Send) -> None:
        await send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")

    served.routes["/"] = other
    assert refused(served.url("/")).reason == "protocol"


def test_an_answer_that_breaks_off_may_be_tried_again(served: Web) -> None:
    async def cut(send: Send) -> None:
        await send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nxxx")

    async def nothing(send: Send) -> None:
        pass

    served.routes.update({"/cut": cut, "/nothing": nothing})
    for path, reason in (("/cut", "cut-short"), ("/nothing", "connect")):
        found = refused(served.url(path))
        assert (found.reason, found.retryable) == (reason, True)


def test_nobody_there_may_be_tried_again(served: Web) -> None:
    found = refused("http://127.0.0.1:9/")
    assert (found.reason, found.retryable) == ("connect", True)


def test_https_must_be_https(served: Web) -> None:
    served.routes["/"] = ok(b"")
    found = refused(served.url("/").replace("http:", "https:"))
    assert found.reason in ("tls", "connect", "silence")


@pytest.mark.parametrize(
    ("status", "again"), [("404 Not Found", False), ("503 Busy", True), ("204 No Content", False)]
)
def test_other_statuses_are_refused(served: Web, status: str, again: bool) -> None:
    served.routes["/"] = ok(b"", status)
    found = refused(served.url("/"))
    assert (found.reason, found.retryable) == (f"http-{status[:3]}", again)


def test_what_the_server_asks_to_wait_is_told(served: Web) -> None:
    served.routes["/"] = ok(b"", "429 Slow down", Retry_After="7")
    assert refused(served.url("/")).retry_after == 7


def test_retry_after_may_be_a_date() -> None:
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert (retry_after("Fri, 31 Dec 9999 23:59:59 GMT") or 0) > 1e9
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_cookies_are_neither_kept_nor_sent(served: Web, jpeg: Jpeg) -> None:
    served.routes["/"] = ok(jpeg(), Set_Cookie="a=b")

    async def twice() -> int:
        async with Fetcher(LIMITS) as fetcher:
            for _ in range(2):
                await fetcher.fetch(served.url("/"), lambda _: None)
            return len(fetcher._session.cookie_jar)

    assert asyncio.run(twice()) == 0


def test_proxies_of_the_environment_are_not_used(
    served: Web, jpeg: Jpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    served.routes["/"] = ok(jpeg())
    assert fetch(served.url("/"), LIMITS) == jpeg()


@pytest.mark.parametrize("kind", [FetchError, *FetchError.__subclasses__()])
def test_a_failure_passes_to_another_process(kind: type[FetchError]) -> None:
    error = kind("http-503", "HTTP status 503", retryable=True, retry_after=2.5)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301  our own
    assert (type(copied), str(copied), vars(copied)) == (kind, str(error), vars(error))
