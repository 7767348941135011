"""CORS: other origins read responses only if allowed."""

from imagefinder.server.api_keys import KeyFile

from ..conftest import Serve


def test_only_allowed_origins_get_cors_headers(serve: Serve) -> None:
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


def test_a_missing_api_key_is_reported_to_an_allowed_origin(serve: Serve, keys: KeyFile) -> None:
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
