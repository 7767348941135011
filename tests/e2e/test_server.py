"""The server, asked over HTTP as browsers and scripts ask it."""

import random
import re
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from imagefinder.types import key_of

from .program import Run, answer, refusal, run_in, served, serving, until

CAP_MB = 1
REAL = [
    "sharp/320x240.jpg",
    "sharp/Flag_of_the_Netherlands.png",
    "sharp/4.webp",
    "pillow/hopper.gif",
]
MUTATIONS = 300


@pytest.fixture(scope="module")
def library(
    catalogue: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, Path]]:
    """A server that the tests of this file share, and its catalogue."""
    folder = tmp_path_factory.mktemp("library")
    mine = Path(shutil.copy(catalogue, folder / "library.db"))
    with serving(folder, "--db", mine, "--max-upload", CAP_MB) as client:
        yield client, mine


@pytest.fixture
def client(library: tuple[httpx.Client, Path]) -> httpx.Client:
    return library[0]


@pytest.fixture
def add(library: tuple[httpx.Client, Path], tmp_path: Path) -> Callable[[Path], str]:
    """Adds a file to the server's catalogue, from another process; gives the image's id."""

    def added(file: Path) -> str:
        answer(run_in(tmp_path, "add", file, "--db", library[1], "--json"))
        return f"{key_of(sha256(file.read_bytes()).digest()):016x}"

    return added


def search(client: httpx.Client, data: bytes, **fields: Any) -> httpx.Response:
    return client.post("/v1/search", files={"image": ("query.jpg", data)}, data=fields)


def fresh(image: Path, to: Path) -> Path:
    """A copy that is another content."""
    to.write_bytes(image.read_bytes() + to.name.encode())
    return to


def test_an_upload_is_answered_with_the_nearest_images(client: httpx.Client, gallery: Path) -> None:
    data = (gallery / "harbour" / "size.jpg").read_bytes()
    response = search(client, data)
    found = response.json()
    assert response.status_code == 200
    assert (found["query"], found["encoder"]) == ("query.jpg", "standard")
    told = {
        "rank",
        "id",
        "name",
        "score",
        "distance",
        "verdict",
        "probability",
        "match",
        "metadata",
    }
    assert all(told < set(hit) for hit in found["hits"])
    assert found["hits"][0]["id"] in found["matches"]
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert found["hits"][0]["name"] == "size.jpg"
    assert found["hits"][0]["score"] == pytest.approx(1)


def test_server_and_command_line_agree(
    client: httpx.Client, catalogue: Path, gallery: Path, run: Run
) -> None:
    image = gallery / "balloons" / "crop.jpg"
    by_http = search(client, image.read_bytes(), k=7).json()["hits"]
    by_shell = answer(run("search", image, "-k", 7, "--json", "--db", catalogue))["hits"]
    assert [hit["id"] for hit in by_http] == [hit["id"] for hit in by_shell]


def test_readiness_counts_the_images(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["encoder"]) == ("ready", "standard")
    assert ready["images"] >= 144


def test_a_record_tells_no_folders(client: httpx.Client, gallery: Path) -> None:
    data = (gallery / "harbour" / "size.jpg").read_bytes()
    id_ = search(client, data).json()["hits"][0]["id"]
    response = client.get(f"/v1/images/{id_}")
    assert response.status_code == 200
    assert response.json()["name"] == "size.jpg"
    assert response.json()["size"] == len(data)
    assert str(gallery) not in response.text


def test_a_file_is_served_as_the_image_that_it_is(client: httpx.Client, gallery: Path) -> None:
    data = (gallery / "harbour" / "size.jpg").read_bytes()
    id_ = search(client, data).json()["hits"][0]["id"]
    response = client.get(f"/v1/images/{id_}/file")
    assert response.status_code == 200
    assert response.content == data
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"] == 'inline; filename="size.jpg"'


def test_a_file_whose_name_is_no_image_is_served_as_bytes(
    client: httpx.Client, add: Callable[[Path], str], images: list[Path], tmp_path: Path
) -> None:
    id_ = add(fresh(images[2], tmp_path / "page\n.html"))
    response = client.get(f"/v1/images/{id_}/file")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_file_that_is_no_longer_what_was_added_is_gone(
    client: httpx.Client,
    add: Callable[[Path], str],
    images: list[Path],
    tmp_path: Path,
    what: str,
) -> None:
    file = fresh(images[3], tmp_path / f"{what}.jpg")
    id_ = add(file)
    assert client.get(f"/v1/images/{id_}/file").status_code == 200
    if what == "changed":
        file.write_bytes(images[4].read_bytes())
    else:
        file.unlink()
    assert client.get(f"/v1/images/{id_}/file").status_code == 410
    assert client.get(f"/v1/images/{id_}").status_code == 200


@pytest.mark.parametrize("tail", ["", "/file"])
@pytest.mark.parametrize(
    "id_",
    [
        "0" * 16,
        "f" * 16,
        "x",
        "-1",
        "0123456789ABCDEF",
        "..",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..",
        "%00",
        "%ff",
        "1" * 5000,
    ],
)
def test_an_unknown_id_is_not_found(client: httpx.Client, id_: str, tail: str) -> None:
    response = client.get(f"/v1/images/{id_}{tail}")
    assert response.status_code == 404


def test_a_path_that_climbs_out_is_not_found(client: httpx.Client) -> None:
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(
            b"GET /v1/images/../../../../etc/passwd/file HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert received(connection).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"Dear diary", "not an image"), (b"<svg/>", "not an image")],
)
def test_a_bad_image_is_refused_with_the_reason(
    client: httpx.Client, data: bytes, reason: str
) -> None:
    response = search(client, data)
    assert response.status_code == 422
    assert reason in response.json()["detail"]


def test_a_truncated_image_is_refused_with_the_reason(
    client: httpx.Client, images: list[Path]
) -> None:
    response = search(client, images[0].read_bytes()[:5000])
    assert response.status_code == 422
    assert "damaged" in response.json()["detail"]


@pytest.mark.parametrize("k", ["0", "-1", "1001", "many", "1e9", "9" * 400])
def test_a_k_out_of_bounds_is_refused(client: httpx.Client, images: list[Path], k: str) -> None:
    assert search(client, images[0].read_bytes(), k=k).status_code == 422


def test_the_largest_k_gives_all_there_is(client: httpx.Client, images: list[Path]) -> None:
    hits = search(client, images[0].read_bytes(), k=1000).json()["hits"]
    assert len(hits) >= 144


def test_a_request_without_an_image_is_refused(client: httpx.Client) -> None:
    assert client.post("/v1/search", data={"k": 3}).status_code == 422
    assert client.post("/v1/search").status_code == 422
    assert client.post("/v1/search", data={"image": "not a file"}).status_code == 422
    assert client.post("/v1/search", files={"other": b"x"}).status_code == 422


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form_is_the_sender_s_mistake(client: httpx.Client, kind: str) -> None:
    response = client.post("/v1/search", content=b"garbage", headers={"content-type": kind})
    assert 400 <= response.status_code < 500


def test_mutated_images_are_answered_or_refused(client: httpx.Client, assets: Path) -> None:
    chance = random.Random(5)
    originals = [(assets / "data" / "odd" / name).read_bytes() for name in REAL]
    seen = set()
    for number in range(MUTATIONS):
        data = bytearray(originals[number % len(originals)])
        for _ in range(chance.choice([1, 3, 20])):
            data[chance.randrange(min(len(data), chance.choice([64, 2000, 10**9])))] = (
                chance.randrange(256)
            )
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        response = search(client, bytes(data))
        assert response.status_code in (200, 422), (number, response.text)
        seen.add(response.status_code)
    assert seen == {200, 422}
    assert client.get("/healthz").status_code == 200


def test_an_upload_that_says_it_is_too_large_is_refused(client: httpx.Client) -> None:
    response = search(client, bytes(3 * CAP_MB * 10**6))
    assert response.status_code == 413
    assert "larger than 1,000,000 bytes" in response.json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_an_endless_upload_is_cut_off(client: httpx.Client) -> None:
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    field = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    whole, sent = 200, 0
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(head + chunk(field))
        try:
            for _ in range(whole):
                connection.sendall(chunk(bytes(10**6)))
                sent += 1
        except OSError:  # the server has hung up
            pass
        assert received(connection).startswith(b"HTTP/1.1 413")
    assert sent < whole / 2


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def received(connection: socket.socket) -> bytes:
    """What the server sends until it closes, or resets, the connection."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except OSError:
        pass
    return data


def test_a_sender_that_goes_away_does_no_harm(client: httpx.Client) -> None:
    url = client.base_url
    for _ in range(20):
        with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
            connection.sendall(
                b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
            )
    assert client.get("/healthz").status_code == 200


def test_searches_at_once_are_all_right(client: httpx.Client, images: list[Path]) -> None:
    def best(image: Path) -> tuple[str, float]:
        hit = search(client, image.read_bytes(), k=1).json()["hits"][0]
        return hit["name"], hit["score"]

    wanted = images[7::3]  # of the earlier ones, other tests add copies
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(best, wanted))
    assert [name for name, _ in found] == [image.name for image in wanted]
    assert min(score for _, score in found) > 0.9999


def test_an_image_of_another_process_is_found_without_a_restart(
    client: httpx.Client, add: Callable[[Path], str], images: list[Path], tmp_path: Path
) -> None:
    data = images[5].read_bytes()
    search(client, data)  # the index is in memory now
    before = client.get("/readyz").json()["images"]
    id_ = add(fresh(images[5], tmp_path / "another.jpg"))

    def found() -> bool:
        return id_ in [hit["id"] for hit in search(client, data).json()["hits"]]

    until(found)
    assert client.get("/readyz").json()["images"] == before + 1


def test_an_image_that_another_process_removed_is_found_no_more(
    client: httpx.Client,
    library: tuple[httpx.Client, Path],
    add: Callable[[Path], str],
    images: list[Path],
    run: Run,
    tmp_path: Path,
) -> None:
    id_ = add(fresh(images[6], tmp_path / "brief.jpg"))
    data = images[6].read_bytes()
    assert id_ in search(client, data).text
    answer(run("remove", id_, "--db", library[1], "--json"))
    until(lambda: id_ not in search(client, data).text)
    assert client.get(f"/v1/images/{id_}").status_code == 404


def test_the_documentation_needs_no_other_server(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assets = re.findall(r"(?:src|href)=[\"']([^\"']+)", page.text)
    assert len(assets) >= 3
    assert any(name.endswith(".js") for name in assets)
    for name in (*assets, "/openapi.json"):
        address = urlsplit(urljoin(str(page.url), name))
        assert address.netloc == page.url.netloc.decode(), name
        asset = client.get(address.path)
        assert asset.status_code == 200, name
        if name.endswith(".css"):
            assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", asset.text)
    assert not re.search(r"[\"'](https?:)?//", page.text)


def test_the_documentation_names_what_is_asked_most(client: httpx.Client) -> None:
    paths = set(client.get("/openapi.json").json()["paths"])
    assert {"/v1/search", "/v1/images/{id}", "/v1/stats", "/v1/embeddings"} <= paths
    assert {"/healthz", "/readyz", "/metrics"} <= paths
    assert {"/sift-similar-images", "/resnet50-similar-images", "/beit-similar-images"} <= paths
    assert "/similarity-search" in paths


def test_a_server_stops_when_it_is_told_to(tmp_path: Path, stocked: Path) -> None:
    with served(tmp_path, "--db", stocked) as (_, process, log):
        process.send_signal(signal.SIGTERM)
        # Uvicorn shuts down first, and then lets the signal take effect
        assert process.wait(60) == -signal.SIGTERM
        assert "Application shutdown complete" in log.read_text()
    assert not list(tmp_path.glob("*-wal"))


def test_a_server_stops_quietly_at_ctrl_c(tmp_path: Path, stocked: Path) -> None:
    with served(tmp_path, "--db", stocked) as (_, process, log):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130)
        assert "Application shutdown complete" in log.read_text()
        assert "Traceback" not in log.read_text()


def test_a_port_that_is_taken_is_said(client: httpx.Client, run: Run, stocked: Path) -> None:
    said = refusal(run("serve", "--port", client.base_url.port or 0))
    assert "Address already in use" in said


def test_a_server_does_not_start_without_a_catalogue(run: Run, tmp_path: Path) -> None:
    assert "there is no catalogue" in refusal(run("serve", "--db", "missing.db"))


def test_a_server_does_not_start_without_its_model(
    run: Run, folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    model = Path(shutil.copy(tiny_model, tmp_path / "mine.onnx"))
    answer(run("add", folder, "--encoder", f"onnx:{model}", "--json"))
    model.write_bytes(b"something else")
    assert "has changed" in refusal(run("serve", "--port", 0))


def test_a_catalogue_damaged_under_a_server_is_said_without_a_path(
    folder: Path, stocked: Path, tmp_path: Path
) -> None:
    with served(tmp_path, "--db", stocked) as (client, _, log):
        with closing(sqlite3.connect(stocked)) as vandal, vandal:
            vandal.execute("UPDATE vectors SET vector = x'00', row = row + 1")
            vandal.execute("UPDATE images SET key = key - 1")
            vandal.execute("UPDATE vectors SET key = key - 1")
        response = search(client, (folder / "a.jpg").read_bytes())
        assert response.status_code == 503
        assert response.json()["detail"] == "the catalogue is unavailable at the moment"
        assert "imagefinder.db is damaged" in log.read_text()
        assert client.get("/healthz").status_code == 200
