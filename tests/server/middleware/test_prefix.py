"""The server below a prefix that it is given."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from imagefinder.server.api_keys import KeyFile
from imagefinder.server.middleware.prefix import ForwardedPrefixMiddleware, is_prefix

from ..conftest import Serve, bearer


@pytest.mark.parametrize("path", ["/find/v1/images", "/v1/images"])
def test_a_proxy_may_remove_the_prefix_or_leave_it(serve: Serve, path: str) -> None:
    client = serve(root_path="/find")
    assert len(client.get(path).json()["images"]) == 12


def test_documentation_and_page_are_below_the_prefix(serve: Serve) -> None:
    client = serve(root_path="/find")
    assert '"/find/openapi.json"' in client.get("/docs").text.replace("'", '"')
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/find"}]
    assert client.get("/page/main.js").status_code == 200
    assert client.get("/find/page/main.js").status_code == 200


def test_an_added_image_is_said_to_be_below_the_prefix(serve: Serve, folder: Path) -> None:
    client = serve(root_path="/find", writable=True)
    data = (folder / "03.jpg").read_bytes() + b"more"
    added = client.post("/find/v1/images", files={"image": ("a.jpg", data)})
    assert added.headers["Location"] == f"/find/v1/images/{added.json()['id']}"


def test_keys_are_asked_for_below_a_prefix_too(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("one")
    client = serve(root_path="/find", keys=keys.path)
    assert client.get("/find/v1/images").status_code == 401
    assert client.get("/find/v1/images", headers=bearer(key)).status_code == 200
    for path in ("/find/", "/find/docs", "/find/page/main.js", "/find/healthz"):
        assert client.get(path).status_code == 200, path
    # the prefix itself opens nothing
    assert client.get("/page/../v1/images").status_code == 401


async def seen(header: str, path: str = "/docs", client: str = "10.0.0.2") -> tuple[str, str]:
    """The prefix and the path that the application is asked with."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async def unused(*_: object) -> None:
        raise AssertionError

    headers = [(b"x-forwarded-prefix", header.encode())]
    scope = {"type": "http", "path": path, "client": (client, 1), "headers": headers}
    await ForwardedPrefixMiddleware(app, ["10.0.0.2"])(scope, unused, unused)  # type: ignore[arg-type]
    return scopes[0].get("root_path", ""), scopes[0]["path"]


def test_a_trusted_proxy_says_the_prefix() -> None:
    assert asyncio.run(seen("/find")) == ("/find", "/find/docs")
    assert asyncio.run(seen("/find/")) == ("/find", "/find/docs")
    assert asyncio.run(seen("/find", "/find/docs")) == ("/find", "/find/docs")
    assert asyncio.run(seen("/find", "/findings")) == ("/find", "/find/findings")


def test_nobody_else_does() -> None:
    assert asyncio.run(seen("/find", client="10.0.0.3")) == ("", "/docs")


@pytest.mark.parametrize("bad", ["find", "//evil.example", "/a b", '/"><script>', "/a//b", "/", ""])
def test_what_is_no_prefix_is_passed_over(bad: str) -> None:
    assert not is_prefix(bad)
    assert asyncio.run(seen(bad)) == ("", "/docs")
