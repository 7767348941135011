"""HEAD has the status and headers of GET, and no body."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from imagefinder.server.api_keys import KeyFile

from ..conftest import Serve

CHANGING = {"x-request-id", "content-length"}


@pytest.fixture
def first(client: TestClient) -> str:
    """The address of an image."""
    return f"/v1/images/{client.get('/v1/images').json()['images'][0]['id']}"


@pytest.mark.parametrize("path", ["/v1/images", "/v1/stats", "/healthz", "/readyz", "/metrics"])
def test_every_get_route_supports_head(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    for name in set(got.headers) - CHANGING:
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("what", ["", "/file", "/thumbnail"])
def test_an_image_supports_head(client: TestClient, first: str, what: str) -> None:
    got, head = client.get(first + what), client.head(first + what)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(got.content)
    assert head.headers.get("etag") == got.headers.get("etag")


def test_static_files_support_head(client: TestClient) -> None:
    for path in ("/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css", "/"):
        assert client.head(path).is_success, path


def test_errors_are_the_same_for_head(
    serve: Serve, client: TestClient, first: str, tmp_path: Path
) -> None:
    assert client.head("/nowhere").status_code == 404
    assert client.head("/v1/images/x").status_code == 404
    assert client.head("/v1/images?limit=0").status_code == 422
    assert client.head("/v1/search").status_code == 405
    assert client.head("/v1/search").headers["allow"] == "POST"
    etag = client.head(f"{first}/file").headers["etag"]
    assert client.head(f"{first}/file", headers={"If-None-Match": etag}).status_code == 304
    keys = KeyFile(tmp_path / "server.keys")
    keys.add("shop")
    assert serve(keys=keys.path).head("/v1/stats").status_code == 401


def test_metrics_count_it_as_head(client: TestClient) -> None:
    client.head("/v1/images")
    metrics = client.get("/metrics").text
    assert 'method="HEAD",route="/v1/images",status="200"} 1.0' in metrics
