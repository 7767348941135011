"""Keys, limits and read-only mode, and the ways around them that do not work."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from imagefinder.server.api_keys import KeyFile, KeyFileError
from imagefinder.server.middleware.rate_limit import Rate, client_of
from imagefinder.server.middleware.timeout import Deadline

from ..conftest import Serve

ANY = "0" * 16
BEHIND_THE_KEY = [
    ("GET", "/v1/stats"),
    ("GET", "/v1/images"),
    ("GET", f"/v1/images/{ANY}"),
    ("GET", f"/v1/images/{ANY}/file"),
    ("GET", f"/v1/images/{ANY}/thumbnail"),
    ("POST", "/v1/search"),
    ("POST", "/v1/images"),
    ("DELETE", f"/v1/images/{ANY}"),
    ("POST", "/sift-similar-images"),
    ("POST", "/similarity-search"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
]


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "server.keys")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_told_once_and_only_its_hash_is_kept(keys: KeyFile) -> None:
    key = keys.add("shop")
    assert key not in keys.path.read_text()
    assert keys.path.stat().st_mode & 0o077 == 0
    assert [(name, kept.writes) for name, kept in keys.keys().items()] == [("shop", False)]
    with pytest.raises(KeyFileError, match="already"):
        keys.add("shop")
    keys.remove("shop")
    assert keys.keys() == {}
    with pytest.raises(KeyFileError, match="no key"):
        keys.remove("shop")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"sha256": 1}}'])
def test_a_damaged_file_of_keys_is_said(keys: KeyFile, text: str) -> None:
    keys.path.write_text(text)
    with pytest.raises(KeyFileError, match="not a file of keys"):
        keys.keys()


@pytest.mark.parametrize(("method", "path"), BEHIND_THE_KEY)
def test_nothing_is_told_without_a_key(serve: Serve, keys: KeyFile, method: str, path: str) -> None:
    keys.add("shop")
    answer = serve(keys=keys.path, writable=True).request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_what_tells_nothing_needs_no_key(serve: Serve, keys: KeyFile, path: str) -> None:
    keys.add("shop")
    assert serve(keys=keys.path).get(path).status_code == 200


def test_a_key_opens_however_its_header_is_spelt(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("shop")
    client = serve(keys=keys.path)
    for headers in (
        {"authorization": f"bearer {key}"},
        {"AUTHORIZATION": f"BEARER {key}"},
        {"x-api-key": key},
        {"X-API-KEY": key},
    ):
        assert client.get("/v1/stats", headers=headers).status_code == 200, headers


def test_what_is_no_key_does_not_open(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("shop")
    hashed = keys.keys()["shop"].sha256
    client = serve(keys=keys.path)
    for headers in (
        bearer(""),
        bearer(key[:-1]),
        bearer(key + "x"),
        bearer(key.upper()),
        bearer(hashed),
        bearer("shop"),
        {"Authorization": f"Basic {key}"},
        {"Authorization": key},
        {"X-API-Key": ""},
        {"Cookie": f"key={key}"},
        {"X-Original-URL": "/healthz"},
        {"X-Rewrite-URL": "/healthz"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-HTTP-Method-Override": "OPTIONS"},
    ):
        assert client.get("/v1/stats", headers=headers).status_code == 401, headers
    assert client.get(f"/v1/stats?key={key}&api_key={key}").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "//v1/stats",
        "/v1//stats",
        "/v1/stats/",
        "/V1/stats",
        "/healthz/../v1/stats",
        "/healthz/%2e%2e/v1/stats",
        "/static-offline-docs/../v1/stats",
        "/static-offline-docs/%2e%2e/v1/stats",
        "/static-offline-docs/..%2fv1/stats",
        "/docs/../v1/stats",
        "/v1/stats%00/healthz",
        "/healthz;/../v1/stats",
        "/v1/stats?/healthz",
        "/v1/stats#/healthz",
    ],
)
def test_no_spelling_of_a_path_gets_past_the_key(serve: Serve, keys: KeyFile, path: str) -> None:
    keys.add("shop")
    answer = exact(serve(keys=keys.path), "GET", path)
    assert answer[0] in (401, 404), answer
    assert b"images" not in answer[1]


def exact(client: TestClient, method: str, path: str) -> tuple[int, bytes]:
    """Asked with this very path, which a client would tidy up."""
    from urllib.parse import unquote

    sent: list[Message] = []
    raw, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await client.app(scope, receive, send)

    asyncio.run(ask())
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_a_key_that_was_taken_back_opens_nothing_any_more(serve: Serve, keys: KeyFile) -> None:
    mine, other = keys.add("mine"), keys.add("other")
    client = serve(keys=keys.path)
    assert client.get("/v1/stats", headers=bearer(mine)).status_code == 200
    keys.remove("mine")
    assert client.get("/v1/stats", headers=bearer(mine)).status_code == 401
    assert client.get("/v1/stats", headers=bearer(other)).status_code == 200


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_without_its_file_no_key_opens(serve: Serve, keys: KeyFile, how: str) -> None:
    key = keys.add("shop")
    client = serve(keys=keys.path)
    if how == "gone":
        keys.path.unlink()
    else:
        keys.path.write_text("{")
    answer = client.get("/v1/stats", headers=bearer(key))
    assert answer.status_code == 503
    assert str(keys.path.parent) not in answer.text


def test_a_server_does_not_start_without_its_keys(serve: Serve, keys: KeyFile) -> None:
    with pytest.raises(KeyFileError, match="imagefinder keys add"):
        serve(keys=keys.path)


def test_a_key_writes_only_if_it_may(serve: Serve, keys: KeyFile, folder: Path) -> None:
    reads, writes = keys.add("reads"), keys.add("writes", writes=True)
    client = serve(keys=keys.path, writable=True)
    data = {"image": ("a.jpg", (folder / "01.jpg").read_bytes() + b"more")}
    assert client.post("/v1/images", files=data, headers=bearer(reads)).status_code == 403
    assert client.post("/v1/images", files=data, headers=bearer(writes)).status_code == 201


def test_a_server_is_read_only_unless_it_is_told_otherwise(
    client: TestClient, folder: Path
) -> None:
    listed = client.get("/v1/images").json()["images"]
    address = f"/v1/images/{listed[0]['id']}"
    data = (folder / "01.jpg").read_bytes() + b"more"
    assert client.post("/v1/images", files={"image": ("a.jpg", data)}).status_code == 403
    assert client.delete(address).status_code == 403
    override = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    assert client.get(address, headers=override).status_code == 200
    assert client.post(address, data={"_method": "DELETE"}).status_code == 405
    for method in ("PUT", "PATCH"):
        assert client.request(method, address).status_code == 405
    assert client.post("/v1/search?writable=true", files={"image": ("a.jpg", data)}).is_success
    assert client.get("/v1/images").json()["images"] == listed


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("192.168.1.7", 200),
        ("shop.example", 200),
        ("shop.example:443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("shop.example.evil.example", 421),
        ("shop.example@evil.example", 421),
        ("localhost:8000:evil.example", 421),
        ("127.0.0.1:x", 421),
        ("", 421),
    ],
)
def test_the_server_answers_only_by_its_own_names(serve: Serve, host: str, status: int) -> None:
    client = serve(hosts=("shop.example",))
    assert client.get("/healthz", headers={"Host": host}).status_code == status
    forwarded = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert client.get("/healthz", headers=forwarded).status_code == 421


def test_pages_of_other_sites_may_not_ask(serve: Serve) -> None:
    page = {"Origin": "http://shop.example"}
    preflight = {**page, "Access-Control-Request-Method": "POST"}
    closed = serve()
    assert "access-control-allow-origin" not in closed.get("/v1/stats", headers=page).headers
    assert closed.options("/v1/search", headers=preflight).status_code == 405
    opened = serve(origins=("http://shop.example",))
    assert opened.options("/v1/search", headers=preflight).is_success
    refused = opened.options("/v1/search", headers={**preflight, "Origin": "http://evil.example"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"] == "Disallowed CORS origin"
    assert "access-control-allow-origin" not in refused.headers
    allowed = opened.get("/v1/stats", headers=page).headers
    assert allowed["access-control-allow-origin"] == "http://shop.example"
    other = opened.get("/v1/stats", headers={"Origin": "http://shop.example.evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_a_page_that_may_ask_is_answered_about_keys_too(serve: Serve, keys: KeyFile) -> None:
    keys.add("shop")
    client = serve(keys=keys.path, origins=("http://shop.example",))
    page = {"Origin": "http://shop.example"}
    preflight = {
        **page,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Authorization",
    }
    assert client.options("/v1/search", headers=preflight).is_success
    refused = client.get("/v1/stats", headers=page)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "http://shop.example"


def test_who_asks_too_often_waits(serve: Serve) -> None:
    client = serve(rate=3)
    for _ in range(3):
        assert client.get("/v1/stats").status_code == 200
    for headers in (
        {},
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"X-API-Key": "another"},
        {"User-Agent": "another"},
    ):
        answer = client.get("/v1/stats", headers=headers)
        assert answer.status_code == 429, headers
        assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert client.get("/healthz").status_code == 200


def test_guessed_keys_count_too(serve: Serve, keys: KeyFile) -> None:
    keys.add("shop")
    client = serve(rate=3, keys=keys.path)
    asked = [client.get("/v1/stats", headers=bearer(str(n))).status_code for n in range(5)]
    assert asked == [401, 401, 401, 429, 429]


def test_a_bucket_fills_again_and_never_overflows() -> None:
    now = 0.0
    rate = Rate(60, lambda: now)
    assert [rate.wait("a") for _ in range(60)] == [0] * 60
    assert rate.wait("a") == pytest.approx(1)
    assert rate.wait("b") == 0
    now = 0.5
    assert rate.wait("a") == pytest.approx(0.5)
    now = 1.1
    assert rate.wait("a") == 0
    now = 1e6
    assert [rate.wait("a") > 0 for _ in range(61)] == [False] * 60 + [True]


def test_the_clients_remembered_are_bounded() -> None:
    rate = Rate(1, lambda: 0.0)
    for number in range(10_500):
        rate.wait(str(number))
    assert rate.wait("10499") > 0
    assert rate.wait("0") == 0  # forgotten


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:ffff::1", "2001:0db8:0001:0002"),
        ("testclient", "testclient"),
    ],
)
def test_whose_address_it_is(address: str, client: str) -> None:
    assert client_of({"type": "http", "client": (address, 1)}) == client


def chunks(size: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    for _ in range(size // 1000):
        yield bytes(1000)


@pytest.mark.parametrize("path", ["/v1/search", "/v1/images", "/similarity-search", "/v1/stats"])
def test_no_body_is_larger_than_the_cap(serve: Serve, path: str) -> None:
    client = serve(max_upload=10_000, writable=True)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers in (form, {**form, "Content-Length": "10"}, {**form, "Expect": "100-continue"}):
        answer = client.post(path, content=chunks(20_000), headers=headers)
        assert answer.status_code in (405, 413), headers
    assert client.post(path, files={"image": ("a", bytes(20_000))}).status_code in (405, 413)


async def drip() -> AsyncIterator[Message]:
    while True:
        await asyncio.sleep(0.01)
        yield {"type": "http.request", "body": b"x", "more_body": True}


def timed(app: Any, body: Any) -> list[Message]:
    """What a request is answered under a deadline of 0.1 s."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Deadline(app, 0.1)({"type": "http"}, body, send))
    return sent


def test_a_request_that_drips_in_is_not_waited_for() -> None:
    async def reads(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await receive()

    began = monotonic()
    sent = timed(reads, drip().__anext__)
    assert sent[0]["status"] == 408
    assert monotonic() - began < 2


def test_an_answer_that_takes_too_long_is_said_though_its_thread_goes_on() -> None:
    release = Event()

    async def works(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, release.wait, 5))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def body() -> Message:
        asyncio.get_running_loop().call_later(0.3, release.set)
        return {"type": "http.request", "body": b"", "more_body": False}

    sent = timed(works, body)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 503
    assert "longer than 0.1 seconds" in json.loads(sent[1]["body"])["detail"]


def test_an_answer_that_needs_no_body_is_no_late_request() -> None:
    async def works(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(5)

    assert timed(works, drip().__anext__)[0]["status"] == 503


def test_an_answer_that_has_begun_may_take_its_time() -> None:
    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"done"})

    assert timed(streams, drip().__anext__)[-1]["body"] == b"done"
