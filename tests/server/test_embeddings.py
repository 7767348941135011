"""Embeddings over HTTP: images and texts, formats, truncation, and hostile requests."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder, embed, reduce
from imagefinder.errors import ImageFinderError
from imagefinder.similarity import unit
from imagefinder.types import Features

from .conftest import Serve, bearer

Answer = Callable[..., Any]


def data_url(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def ask(client: TestClient, input_: Any, model: str = "classic", **fields: Any) -> Any:
    body = {"model": model, "input": input_, **fields}
    return client.post("/v1/embeddings", json=body)


def vectors(response: Any) -> Features:
    assert response.status_code == 200, response.text
    return np.array([one["embedding"] for one in response.json()["data"]], np.float32)


def refused(response: Any) -> str:
    """What a request that cannot be answered is told, in the forms of both."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["error"]["message"] == problem["detail"]
    return str(problem["detail"])


def test_images_have_the_vectors_that_the_encoder_gives(client: TestClient, folder: Path) -> None:
    files = sorted(folder.iterdir())[:3]
    first, second, third = map(data_url, files)
    response = ask(client, [first, {"image": second}, {"image": third.partition(",")[2]}])
    assert np.array_equal(vectors(response), unit(embed(files, "classic")))
    answer = response.json()
    assert (answer["object"], answer["model"]) == ("list", "classic")
    assert [(one["object"], one["index"]) for one in answer["data"]] == [
        ("embedding", index) for index in range(3)
    ]
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


def test_bare_base64_is_an_image_where_the_modality_says_so(
    client: TestClient, folder: Path
) -> None:
    encoded = base64.b64encode((folder / "04.jpg").read_bytes()).decode()
    wrapped = "\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    assert vectors(ask(client, wrapped, modality="image")).shape == (1, 1248)
    assert "no text encoder" in refused(ask(client, encoded[:100]))


def test_base64_holds_the_same_numbers(client: TestClient, folder: Path) -> None:
    given = data_url(folder / "05.jpg")
    (one,) = ask(client, given, encoding_format="base64").json()["data"]
    decoded = np.frombuffer(base64.b64decode(one["embedding"]), "<f4")
    assert np.array_equal(decoded[None], vectors(ask(client, given)))


def test_hashes_are_the_numbers_of_their_bytes(serve: Serve, folder: Path) -> None:
    hashes = folder.parent / "hashes.db"
    Finder.create(hashes, "dhash").close()
    given = data_url(folder / "05.jpg")
    expected = embed(folder / "05.jpg", "dhash").astype(np.float32)
    assert np.array_equal(vectors(ask(serve(hashes), given, "dhash")), expected)


def test_vectors_by_principal_components_are_truncated(
    serve: Serve, catalogue: Path, folder: Path
) -> None:
    pytest.importorskip("sklearn")
    small = folder.parent / "small.db"
    with Finder.open(catalogue) as finder:
        reduce(finder, small, dim=8).close()
    client, given = serve(small), data_url(folder / "05.jpg")
    whole = vectors(ask(client, given, "reduced"))
    short = vectors(ask(client, given, "reduced", dimensions=3))
    assert np.allclose(short, unit(whole[:, :3]), atol=1e-6)
    assert np.array_equal(vectors(ask(client, given, "reduced", dimensions=8)), whole)
    assert "fewer than 9" in refused(ask(client, given, "reduced", dimensions=9))


def test_other_vectors_are_not_truncated(client: TestClient, folder: Path) -> None:
    given = data_url(folder / "05.jpg")
    assert "cannot be truncated" in refused(ask(client, given, dimensions=64))
    assert len(vectors(ask(client, given, dimensions=1248))) == 1


def test_regions_are_encoded_as_wholes(serve: Serve, folder: Path) -> None:
    regions = folder.parent / "regions.db"
    Finder.create(regions, "classic", regions=2).close()
    found = vectors(ask(serve(regions), data_url(folder / "05.jpg"), "regions"))
    expected = unit(embed(folder / "05.jpg", "classic"))
    assert (found @ expected.T).item() > 0.999  # regions are cut from a larger image


def test_urls_are_downloaded_only_where_the_server_fetches(serve: Serve, folder: Path) -> None:
    url = "http://images.example/6"
    response = ask(serve(), url)
    assert response.status_code == 403
    assert "data URL" in response.json()["error"]["message"]
    files = {url: (folder / "06.jpg").read_bytes()}
    fetching = serve(fetch=lambda urls: [files[one] for one in urls])
    both = vectors(ask(fetching, [data_url(folder / "05.jpg"), {"image": url}]))
    assert np.array_equal(both, unit(embed([folder / "05.jpg", folder / "06.jpg"], "classic")))
    assert "at most 16 URLs" in refused(ask(fetching, [url] * 17))

    def refuse(urls: Any) -> Any:
        raise ImageFinderError(f"{urls[0]} leads to this machine")

    assert "leads to this machine" in refused(ask(serve(fetch=refuse), url))


def test_an_unknown_model_is_not_found(client: TestClient) -> None:
    response = ask(client, "x", "text-embedding-3-small")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
    assert response.json()["detail"].endswith("which has classic")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "at least one"),
        (["a"] * 129, "at most 128"),
        ([1] * 100_000, "at most 128"),
        ([[1, 2, 3]], "number 1: expected a text"),
        (None, "expected a text"),
        (7, "expected a text"),
        ({"image": 7}, "expected a text"),
        ({"image": "aGk=", "text": "b"}, "expected a text"),
        ({}, "expected a text"),
        ("", "the text is empty"),
        ({"text": "a" * 8193}, "more than 8,192 characters"),
        ({"text": "\ud800"}, "no Unicode"),
        ({"image": "\ud800"}, "no Unicode"),
        ({"image": "/etc/passwd\0"}, "neither a URL"),
        ({"image": "file:///etc/passwd"}, "neither a URL"),
        ({"image": "data:image/png;base64,"}, "the image is empty"),
        ({"image": "data:image/png;base64,A"}, "cut short or damaged"),
        ({"image": "aGVsbG8="}, "not an image in a supported format"),
    ],
)
def test_what_cannot_be_encoded_is_refused(client: TestClient, given: Any, told: str) -> None:
    body = json.dumps({"model": "classic", "input": given})
    response = client.post(
        "/v1/embeddings", content=body, headers={"Content-Type": "application/json"}
    )
    assert told in refused(response)


def test_the_input_that_fails_is_named(client: TestClient, folder: Path) -> None:
    good = data_url(folder / "05.jpg")
    assert "image 2: not an image" in refused(ask(client, [good, {"image": "aGVsbG8="}, good]))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_request_is_refused(client: TestClient, body: bytes) -> None:
    response = client.post(
        "/v1/embeddings", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"dimensions": 0},
        {"dimensions": "many"},
        {"dimensions": 10**400},
        {"encoding_format": "xml"},
        {"modality": "audio"},
        {"model": None},
    ],
)
def test_fields_are_validated(client: TestClient, folder: Path, fields: dict[str, Any]) -> None:
    body = {"model": "classic", "input": data_url(folder / "05.jpg"), **fields}
    told = refused(client.post("/v1/embeddings", json=body))
    assert told.startswith(next(iter(fields)))


def test_what_other_services_take_besides_is_passed_over(client: TestClient, folder: Path) -> None:
    given = data_url(folder / "05.jpg")
    assert len(vectors(ask(client, given, user="me", task="retrieval", normalized=True))) == 1


def test_a_key_is_needed_where_the_server_has_keys(serve: Serve, folder: Path, keys: Any) -> None:
    key = keys.add("reader")
    client, body = serve(keys=keys.path), {"model": "classic", "input": data_url(folder / "05.jpg")}
    assert client.post("/v1/embeddings", json=body).status_code == 401
    assert client.post("/v1/embeddings", json=body, headers=bearer(key)).status_code == 200
