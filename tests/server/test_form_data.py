"""Forms as clients send them: accepted, or refused in words that help."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from .conftest import Serve

KIND = "multipart/form-data; boundary=B"


def part(head: str, data: bytes) -> bytes:
    return b"--B\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n"


def send(client: TestClient, *parts: bytes, kind: str = KIND, path: str = "/v1/search") -> Any:
    return client.post(path, content=b"".join(parts) + b"--B--\r\n", headers={"Content-Type": kind})


@pytest.fixture
def image(folder: Path) -> bytes:
    return (folder / "03.jpg").read_bytes()


NAMED = [
    ('form-data; name="image"; filename="a.jpg"', "a.jpg"),
    ('form-data; name="image"', None),
    ('form-data; name="image"\r\nContent-Type: image/jpeg', None),
    ('form-data; name="image"; filename=""', None),
    ("form-data; name=image; filename=a.jpg", "a.jpg"),
    ("form-data; name=\"image\"; filename*=UTF-8''%C3%BCber%22.jpg", 'über".jpg'),
    ('form-data; name="image"; filename="u.jpg"; filename*=utf-8\'de\'%C3%BCber', "über"),
    ('form-data; name="image"; filename="фото.jpg"', "фото.jpg"),
    ('form-data; name="image"; filename="x\\ud800.jpg"', "x\\ud800.jpg"),
]


def test_a_file_is_one_however_it_is_named(client: TestClient, image: bytes) -> None:
    for head, named in NAMED:
        answer = send(client, part(f"Content-Disposition: {head}", image))
        assert answer.status_code == 200, answer.text
        assert answer.json()["query"] == named
        assert answer.json()["hits"][0]["name"] == "03.jpg"


def test_a_data_url_is_an_image(client: TestClient, image: bytes) -> None:
    url = "data:image/jpeg;base64," + b64encode(image).decode()
    for form in ({"data": {"image": url}}, {"files": {"image": (None, url)}}):
        answer = client.post("/v1/search", **form)
        assert answer.json()["hits"][0]["name"] == "03.jpg"
    damaged = client.post("/v1/search", files={"image": (None, url[:-3])})
    assert "data URL" in damaged.json()["detail"]


def test_a_name_in_the_place_of_a_file_is_told(client: TestClient) -> None:
    for field in ("image", "minus"):
        for answer in (
            client.post("/v1/search", files={field: (None, "query.jpg")}),
            client.post("/v1/search", data={field: "query.jpg"}),
        ):
            assert answer.status_code == 422
            assert "'query.jpg'" in answer.json()["detail"]
            assert f"-F {field}=@FILE" in answer.json()["detail"]


def test_a_form_without_a_chosen_file_searches_by_the_rest(client: TestClient) -> None:
    id_ = client.get("/v1/images?limit=1").json()["images"][0]["id"]
    answer = client.post("/v1/search", files={"image": ("", b"")}, data={"id": id_})
    assert answer.json()["hits"][0]["id"] == id_


def test_a_file_in_an_unknown_field_is_told(client: TestClient, image: bytes) -> None:
    for name in ("file", "image[]", "Image"):
        answer = client.post("/v1/search", files={name: ("a.jpg", image)})
        assert answer.status_code == 422
        assert f"{name}: no such field" in answer.json()["detail"]


def test_no_field_is_lost(serve: Serve, image: bytes) -> None:
    client = serve(writable=True)
    two: Any = [("image", ("a.jpg", image)), ("image", ("b.jpg", image + b"x"))]
    for path in ("/v1/images", "/similarity-search"):
        answer = client.post(path, files=two)
        assert (answer.status_code, answer.json()["detail"][:21]) == (422, "image: given 2 times,")
    assert client.post("/v1/search", files=two).status_code == 200
    repeated = client.post("/v1/search", files=two, data={"k": ["1", "2"]})
    assert "k: given 2 times" in repeated.json()["detail"]


def test_a_form_is_utf_8(client: TestClient, image: bytes) -> None:
    whole = part('Content-Disposition: form-data; name="image"; filename="a.jpg"', image)
    for charset in ("punycode", "unicode_escape", "utf-7", "idna", "rot13", "x" * 9):
        answer = send(client, whole, kind=f"{KIND}; charset={charset}")
        assert answer.status_code == 415
        assert "UTF-8" in answer.json()["detail"]
    for same in ("utf-8", '"UTF-8"', "US-ASCII"):
        assert send(client, whole, kind=f"{KIND}; charset={same}").status_code == 200


def test_a_body_that_is_no_form_is_told(client: TestClient, image: bytes) -> None:
    for kind in ("image/jpeg", "application/json", "text/plain", "", "x"):
        answer = client.post("/v1/search", content=image, headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert "curl -F image=@FILE" in answer.json()["detail"]


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    headers = {"Content-Type": KIND, "Content-Encoding": "gzip"}
    assert client.post("/v1/search", content=b"x", headers=headers).status_code == 415


def test_a_form_that_is_cut_short_is_not_taken_for_an_empty_one(
    client: TestClient, image: bytes
) -> None:
    whole = part('Content-Disposition: form-data; name="image"; filename="a.jpg"', image)
    for kept in (-8, 200):
        answer = client.post("/v1/search", content=whole[:kept], headers={"Content-Type": KIND})
        assert answer.status_code == 400
        assert "cut short" in answer.json()["detail"]


BEYOND_LIMITS = [
    [part('Content-Disposition: form-data; name="id"', b"0" * 16)] * 100,
    [part('Content-Disposition: form-data; name="image"; filename="a"', b"x")] * 40,
    [part('Content-Disposition: form-data; name="text"', b"x" * 300_000)],
    [part('Content-Disposition: form-data; name="image"; filename="%s"' % ("x" * 9000), b"x")],
    [part('Content-Disposition: form-data; name="text"' + "\r\nX: y" * 50, b"x")],
    [part("Content-Disposition: form-data", b"x")],
]


def test_parts_have_limits(client: TestClient) -> None:
    for parts in BEYOND_LIMITS:
        answer = send(client, *parts)
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("the form is damaged: ")


def test_a_million_ids_are_refused(client: TestClient) -> None:
    body = "&".join(["id=0000000000000000"] * 100_000)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/v1/search", content=body, headers=kind).status_code == 400


def test_an_unknown_field_is_told(client: TestClient, image: bytes) -> None:
    files = {"image": ("a.jpg", image)}
    for data in ({"K": "2"}, {"filter": "{}"}, {"k": "2", "ids": "1"}):
        answer = client.post("/v1/search", files=files, data=data)
        assert answer.status_code == 422
        assert "no such field: there are crop, encoder, id" in answer.json()["detail"]
        assert answer.json()["detail"].startswith(f"{list(data)[-1]}: ")
    answer = client.post("/v1/compare", files=files, data={"k": "2"})
    assert answer.json()["detail"] == "k: no such field: there are encoder, id, image, url"


def test_an_unknown_query_parameter_is_told(client: TestClient, image: bytes) -> None:
    files = {"image": ("a.jpg", image)}
    answer = client.post("/v1/search?k=2&K=2", files=files)
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "k: send it as a field of the form; K: there is no query parameter here"
    )
    answer = client.get("/v1/map?by=pca&where={}")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "where: no such query parameter: there are by, encoder, limit"
    for path in ("/v1/images?k=1", "/v1/duplicates?k=1", "/v1/images/0123456789abcdef?k=1"):
        assert client.get(path).status_code == 422


def test_what_browsers_and_libraries_add_is_passed_over(client: TestClient, image: bytes) -> None:
    files = {"image": ("a.jpg", image)}
    assert client.post("/v1/search?_=1", files=files, data={"_charset_": "utf-8"}).is_success
    assert client.get("/v1/images?_=1").is_success
    assert client.get("/healthz?probe=1").is_success


def test_the_earlier_routes_pass_over_what_they_do_not_know(
    client: TestClient, image: bytes
) -> None:
    answer = client.post(
        "/similarity-search?k=2", files={"image": ("a.jpg", image)}, data={"K": "2"}
    )
    assert answer.is_success
