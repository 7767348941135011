"""CSRF: forms of other sites are refused, although a browser would send them."""

from pathlib import Path

import pytest

from ..conftest import Serve

OWN = "http://localhost:8000"


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:3000"},
        {"Origin": f"{OWN}.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_cross_site_form_is_refused(serve: Serve, folder: Path, page: dict[str, str]) -> None:
    client = serve(writable=True)
    image = {"image": ("a.jpg", (folder / "01.jpg").read_bytes() + b"more")}
    before = client.get("/readyz").json()
    for path in ("/v1/images", "/v1/search", "/similarity-search"):
        refused = client.post(path, files=image, headers=page)
        assert refused.status_code == 403, path
        assert "--cors" in refused.json()["detail"]
    assert client.get("/readyz", headers=page).json() == before


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"Origin": OWN},
        {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://find.example", "Sec-Fetch-Site": "same-origin"},  # behind a proxy
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_our_own_page_are_not_restricted(
    serve: Serve, folder: Path, page: dict[str, str]
) -> None:
    image = {"image": ("a.jpg", (folder / "01.jpg").read_bytes())}
    assert serve().post("/v1/search", files=image, headers=page).status_code == 200


@pytest.mark.parametrize("origins", [("http://shop.example",), ("*",)])
def test_an_allowed_origin_is_answered(
    serve: Serve, folder: Path, origins: tuple[str, ...]
) -> None:
    image = {"image": ("a.jpg", (folder / "01.jpg").read_bytes())}
    page = {"Origin": "http://shop.example", "Sec-Fetch-Site": "cross-site"}
    answer = serve(origins=origins).post("/v1/search", files=image, headers=page)
    assert answer.status_code == 200
    assert "access-control-allow-origin" in answer.headers
