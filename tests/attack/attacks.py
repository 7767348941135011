"""The attacks: each returns when it is over, which is within a bounded time."""

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeAlias

from .client import Target, form, head
from .images import bombs, png

Attack: TypeAlias = Callable[[Target], None]

IMAGE = 'name="image"; filename="a.png"'
SECONDS = 3.0
CHARSETS = ("punycode", "utf-7", "unicode_escape", "idna", "rot13", "utf-16", "zlib", "x" * 400)


def idle_connections(target: Target) -> None:
    with target.held(1500, b""):
        time.sleep(SECONDS)


def slow_heads(target: Target) -> None:
    with target.held(400, b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nX-") as connections:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for connection in connections:
                with suppress(OSError):
                    connection.send(b"a")
            time.sleep(0.1)


def half_bodies(target: Target) -> None:
    whole = form("/v1/search", (IMAGE, bytes(400_000)))
    with target.held(300, whole[:200_000]):
        time.sleep(SECONDS)


def unread_responses(target: Target) -> None:
    with target.held(300, head("GET", "/v1/images?limit=1000") + b"\r\n"):
        time.sleep(SECONDS)


def endless_heads(target: Target) -> None:
    for begin, more in (
        (b"GET /", b"a" * 65536),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"a" * 8000 + b"\r\n"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 65536),
        (head("POST", "/v1/search") + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 9000),
    ):
        with suppress(OSError), target.connect() as connection:
            connection.sendall(begin)
            for _ in range(1000):
                connection.sendall(more)
            raise AssertionError(f"the server read 8 MB of a head that began {begin[:30]!r}")


def charsets(target: Target) -> None:
    for charset in CHARSETS:
        parts = [(IMAGE, png(1)), ('name="text"', b"a" * 200_000)]
        target.send("/v1/search", *parts, kind=f"; charset={charset}")


def parts_without_end(target: Target) -> None:
    target.send("/v1/search", *[('name="id"', b"0" * 16)] * 20_000)
    target.send("/v1/search", *[(IMAGE, b"")] * 5000)
    target.send("/v1/search", ('name="text"', b"a" * 5_000_000))
    target.send("/v1/search", (f"{IMAGE}; x={'y' * 500_000}", b""))
    target.send("/v1/search", ("a;" * 20_000, b""))


def floods_of_maps(target: Target) -> None:
    with ThreadPoolExecutor(48) as clients:
        paths = [f"/v1/map?limit={limit}" for limit in range(10, 58)]
        list(clients.map(target.get, [*paths, *["/v1/duplicates?threshold=0.5"] * 12]))


def nested_metadata(target: Target) -> None:
    for depth in (10, 100, 260, 900, 5000):
        metadata = b'{"a":' * depth + b"1" + b"}" * depth
        target.send("/v1/images", (IMAGE, png(depth)), ('name="metadata"', metadata))
    for metadata in (b'{"a": "' + b"x" * 200_000 + b'"}', b'{"a": 1' + b"0" * 5000 + b"}"):
        target.send("/v1/images", (IMAGE, png(7)), ('name="metadata"', metadata))
    assert target.get("/v1/images?limit=1000")[0] == 200


def images_that_unfold(target: Target) -> None:
    with ThreadPoolExecutor(16) as clients:
        sent = [form("/v1/search", (IMAGE, bomb)) for bomb in bombs()]
        list(clients.map(target.ask, [*sent, *sent]))


def large_uploads(target: Target) -> None:
    with ThreadPoolExecutor(24) as clients:
        request = form("/v1/search", (IMAGE, png(3) + bytes(19_000_000)))
        list(clients.map(target.ask, [request] * 24))


def uploads_and_deletions(target: Target) -> None:
    def both(seed: int) -> None:
        status, body = target.send("/v1/images", (IMAGE, png(1000 + seed % 20)))
        if status in (200, 201):
            id_ = json.loads(body)["id"]
            target.get(f"/v1/images/{id_}/thumbnail")
            target.delete(id_)

    with ThreadPoolExecutor(16) as clients:
        list(clients.map(both, range(160)))


def what_is_no_http(target: Target) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET " + bytes(range(256)) + b" HTTP/1.1\r\n\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        head("GET", "/v1/stats").replace(b"close", b"upgrade") + b"Upgrade: websocket\r\n\r\n",
        head("POST", "/v1/search")
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"\r\n" * 200_000,
    ):
        target.ask(data, 3)


def connections_that_reset(target: Target) -> None:
    begin = form("/v1/search", (IMAGE, png(5)))
    for number in range(300):
        with suppress(OSError), target.connect(5) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1] + [0] * 7))
            connection.sendall(begin[: 50 * number])


ATTACKS: tuple[Attack, ...] = (
    idle_connections,
    slow_heads,
    half_bodies,
    unread_responses,
    endless_heads,
    charsets,
    parts_without_end,
    floods_of_maps,
    nested_metadata,
    images_that_unfold,
    large_uploads,
    uploads_and_deletions,
    what_is_no_http,
    connections_that_reset,
)
