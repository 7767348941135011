"""Every error is a problem document and reveals nothing about the server; log and headers."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder.errors import StoreError
from imagefinder.finder import Finder

from .conftest import Serve


def detail(answer: Any, status: int) -> str:
    """The detail of a valid problem document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    about = answer.json()
    assert set(about) == {"type", "title", "status", "detail", "request_id", "errors"}
    assert (about["type"], about["status"]) == ("about:blank", status)
    assert about["request_id"] == answer.headers["x-request-id"]
    return str(about["detail"])


def test_an_unknown_path(client: TestClient) -> None:
    assert "/docs" in detail(client.get("/nowhere"), 404)
    assert "no image" in detail(client.get("/v1/images/x"), 404)


def test_a_method_that_is_not_allowed(client: TestClient) -> None:
    answer = client.put("/v1/search")
    assert "Allow" in detail(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_an_invalid_field(client: TestClient) -> None:
    answer = client.get("/v1/images?limit=many&cursor=x")
    assert "limit: " in detail(answer, 422)
    assert [fault["field"] for fault in answer.json()["errors"]] == ["limit", "cursor"]


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_malformed_form(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/search", content=b"garbage", headers={"content-type": kind})
    detail(answer, answer.status_code)
    assert answer.status_code in (400, 422)


def test_a_body_that_is_too_large(serve: Serve) -> None:
    answer = serve(max_upload=1000).post("/v1/search", files={"image": ("a", bytes(2000))})
    assert "larger than 1,000 bytes" in detail(answer, 413)


def test_an_unknown_host_name(client: TestClient) -> None:
    assert "--host-name" in detail(client.get("/", headers={"Host": "evil.example"}), 421)


def test_an_unhandled_exception(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Finder, "page", lambda *_, **__: 1 / 0)
    answer = client.get("/v1/images")
    assert detail(answer, 500) == "internal server error: see the server's log"
    assert any(record.exc_info for record in caplog.records)


def test_an_unusable_catalogue(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("/home/me/secret.db is damaged")

    monkeypatch.setattr(Finder, "page", fail)
    assert detail(client.get("/v1/images"), 503) == "the catalogue is unavailable at the moment"
    assert "/home/me/secret.db is damaged" in caplog.text


def test_no_response_reveals_a_folder(serve: Serve, folder: Path) -> None:
    client = serve(writable=True)
    id_ = client.get("/v1/images").json()["images"][0]["id"]
    for file in folder.iterdir():
        file.unlink()
    for answer in (
        client.get("/v1/stats"),
        client.get("/v1/images"),
        client.get(f"/v1/images/{id_}"),
        client.get(f"/v1/images/{id_}/file"),
        client.get(f"/v1/images/{id_}/thumbnail"),
        client.post("/v1/search", data={"id": id_}),
        client.post("/v1/search", data={"id": id_, "crop": "0,0,9,9"}),
        client.post("/v1/images", files={"image": ("a.jpg", b"junk")}),
        client.get("/metrics"),
        client.get("/openapi.json"),
        client.get("/readyz"),
    ):
        response = answer.text + json.dumps(dict(answer.headers))
        assert folder.name not in response, answer.url
        assert str(folder.parent) not in response, answer.url


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("what", ["file", "thumbnail"])
def test_an_unreadable_file_counts_as_missing(client: TestClient, folder: Path, what: str) -> None:
    id_ = client.get("/v1/images").json()["images"][0]["id"]
    for file in folder.iterdir():
        file.chmod(0)
    assert "missing" in detail(client.get(f"/v1/images/{id_}/{what}"), 410)


def test_a_valid_request_id_is_kept(client: TestClient) -> None:
    for given, kept in (("order-7.1", True), ("a b", False), ("x" * 65, False), ("", False)):
        id_ = client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"]
        assert (id_ == given) is kept
        assert len(id_) <= 64


def test_responses_have_security_headers(client: TestClient) -> None:
    for path in ("/v1/stats", "/docs", "/nowhere", "/v1/images/x/file"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "camera=(self)" in headers["permissions-policy"]
    assert "default-src 'none'" in client.get("/v1/stats").headers["content-security-policy"]
    documentation = client.get("/docs").headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in documentation
    assert "img-src 'self' blob: data:" in documentation


def test_each_request_is_a_line_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "imagefinder.server"):
        client.get("/v1/images/%0aforged?_secret=1", headers={"X-Request-ID": "mine"})
    (record,) = [one for one in caplog.records if hasattr(one, "fields")]
    assert "\n" not in record.getMessage()
    assert record.fields["path"] == "/v1/images/\nforged"
    assert record.fields["status"] == 404
    assert "secret" not in str(record.fields)


def test_metrics_count_requests_by_route(client: TestClient) -> None:
    for path in ("a", "b", "c"):
        client.get(f"/v1/images/{path}")
        client.get(f"/nowhere/{path}")
    metrics = client.get("/metrics").text
    assert 'method="GET",route="/v1/images/{id}",status="404"} 3.0' in metrics
    assert 'method="GET",route="other",status="404"} 3.0' in metrics
    assert "imagefinder_images 12.0" in metrics
    assert 'route="/v1/images/a"' not in metrics
