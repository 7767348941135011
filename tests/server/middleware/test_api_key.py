"""API key authentication and read-only mode, and the ways around them that must not work."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from imagefinder.server.api_keys import KeyFile, KeyFileError

from ..conftest import Serve, bearer

ANY = "0" * 16


PRIVATE = [
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


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_a_private_path_needs_a_key(serve: Serve, keys: KeyFile, method: str, path: str) -> None:
    keys.add("shop")
    answer = serve(keys=keys.path, writable=True).request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_a_public_path_needs_no_key(serve: Serve, keys: KeyFile, path: str) -> None:
    keys.add("shop")
    assert serve(keys=keys.path).get(path).status_code == 200


def test_header_names_and_schemes_are_case_insensitive(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("shop")
    client = serve(keys=keys.path)
    for headers in (
        {"authorization": f"bearer {key}"},
        {"AUTHORIZATION": f"BEARER {key}"},
        {"x-api-key": key},
        {"X-API-KEY": key},
    ):
        assert client.get("/v1/stats", headers=headers).status_code == 200, headers


def test_anything_but_a_key_is_refused(serve: Serve, keys: KeyFile) -> None:
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
def test_no_spelling_of_a_path_bypasses_the_key(serve: Serve, keys: KeyFile, path: str) -> None:
    keys.add("shop")
    answer = exact(serve(keys=keys.path), "GET", path)
    assert answer[0] in (401, 404), answer
    assert b"images" not in answer[1]


def exact(client: TestClient, method: str, path: str) -> tuple[int, bytes]:
    """Request this very path, which a client would normalize."""
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


def test_a_removed_key_is_refused_at_once(serve: Serve, keys: KeyFile) -> None:
    mine, other = keys.add("mine"), keys.add("other")
    client = serve(keys=keys.path)
    assert client.get("/v1/stats", headers=bearer(mine)).status_code == 200
    keys.remove("mine")
    assert client.get("/v1/stats", headers=bearer(mine)).status_code == 401
    assert client.get("/v1/stats", headers=bearer(other)).status_code == 200


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_without_the_key_file_every_key_is_refused(serve: Serve, keys: KeyFile, how: str) -> None:
    key = keys.add("shop")
    client = serve(keys=keys.path)
    if how == "gone":
        keys.path.unlink()
    else:
        keys.path.write_text("{")
    answer = client.get("/v1/stats", headers=bearer(key))
    assert answer.status_code == 503
    assert str(keys.path.parent) not in answer.text


def test_a_server_does_not_start_without_its_key_file(serve: Serve, keys: KeyFile) -> None:
    with pytest.raises(KeyFileError, match="imagefinder keys add"):
        serve(keys=keys.path)


def test_a_key_without_write_access_cannot_add(serve: Serve, keys: KeyFile, folder: Path) -> None:
    reads, writes = keys.add("reads"), keys.add("writes", writes=True)
    client = serve(keys=keys.path, writable=True)
    data = {"image": ("a.jpg", (folder / "01.jpg").read_bytes() + b"more")}
    assert client.post("/v1/images", files=data, headers=bearer(reads)).status_code == 403
    assert client.post("/v1/images", files=data, headers=bearer(writes)).status_code == 201


def test_the_statistics_say_whether_the_key_may_write(serve: Serve, keys: KeyFile) -> None:
    reader, writer = keys.add("reader"), keys.add("writer", writes=True)
    client = serve(writable=True, keys=keys.path)
    for key, may_write in ((reader, False), (writer, True)):
        assert client.get("/v1/stats", headers=bearer(key)).json()["writable"] is may_write


def test_a_server_is_read_only_by_default(client: TestClient, folder: Path) -> None:
    listed = client.get("/v1/images").json()["images"]
    address = f"/v1/images/{listed[0]['id']}"
    data = (folder / "01.jpg").read_bytes() + b"more"
    assert client.post("/v1/images", files={"image": ("a.jpg", data)}).status_code == 403
    assert client.delete(address).status_code == 403
    override = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    assert client.get(address, headers=override).status_code == 200
    assert client.post(address, data={"_method": "DELETE"}).status_code == 405
    assert client.patch(address, json={"a": 1}).status_code == 403
    assert client.put(address).status_code == 405
    told = client.post("/v1/search?writable=true", files={"image": ("a.jpg", data)})
    assert told.status_code == 422
    assert client.get("/v1/images").json()["images"] == listed
