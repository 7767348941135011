"""Values that no honest client sends are refused or make no difference: never a 500."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from .conftest import Serve

NUMBERS = ["nan", "-inf", "1e400", "-0", "9" * 30, "9" * 5000, "2147483648", "1_000", "٣", "0x1"]
TEXTS = ["", "\0", "\n", "\u202e", "%00", "../..", "x" * 3000, "\U0010ffff", "f" * 16, "[]", "null"]
FILTERS = [
    '{"a": NaN}',
    '{"a": Infinity}',
    '{"a": %s}' % ("9" * 400),
    '{"a": %s}' % ("9" * 5000),
    '{"a": {"lt": 1e999}}',
    '{"a": {"in": []}}',
    '{"a": {"in": [1, null, "x", true, {}]}}',
    '{"a": {"gt": null, "unknown": 1}}',
    '{"": 1, "a.b": 2, "$": 3}',
    '{"a\\u0000": 1}',
    '{"a\\"b": 1}',
    '{"a": "\\ud800"}',
    '{{"a": {}1{}}}'.format("[" * 500, "]" * 500),
    "[" * 50_000,
    '{"a":' * 30_000,
]
HOSTILE = NUMBERS + TEXTS + FILTERS

FIELDS = ["k", "threshold", "where", "text", "crop", "measure", "rerank", "matches_only"]
FIELDS += ["verify", "encoder", "id", "minus_id", "url", "image", "minus"]


@pytest.fixture
def lenient(serve: Serve) -> TestClient:
    """A client that is given a 500 instead of the exception."""
    client = serve(writable=True)
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    return client


def check(answer: Any, *about: str) -> None:
    assert answer.status_code < 500, (about, answer.text)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/images", ["limit", "cursor", "where", "encoder"]),
        ("/v1/images/{id}/thumbnail", ["side", "encoder"]),
        ("/v1/map", ["by", "limit"]),
        ("/v1/duplicates", ["threshold", "verify", "limit"]),
    ],
)
def test_in_queries(lenient: TestClient, path: str, names: list[str]) -> None:
    id_ = lenient.get("/v1/images?limit=1").json()["images"][0]["id"]
    for name in names:
        for value in HOSTILE:
            if len(value) < 10_000:  # a longer path does not reach the routes
                check(lenient.get(path.format(id=id_), params={name: value}), name, value[:50])


def test_in_the_search_form(lenient: TestClient) -> None:
    id_ = lenient.get("/v1/images?limit=1").json()["images"][0]["id"]
    for name in FIELDS:
        for value in HOSTILE:
            form = {"id": id_, name: value}
            check(lenient.post("/v1/search", data=form), name, value[:50])


def test_in_metadata(lenient: TestClient, serve: Serve) -> None:
    image = (serve.catalogue.parent / "secret-folder" / "03.jpg").read_bytes()
    for number, value in enumerate(HOSTILE):
        files = {"image": (value[:20] or "x", image + bytes(number))}
        check(lenient.post("/v1/images", files=files, data={"metadata": value}), value[:50])
    check(lenient.get("/v1/images?limit=1000"))
