"""What only a real server shows: its commands, its sockets, its log, and its end."""

import json
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from .program import Run, answer, misuse, refusal, run_in, served, serving, until


def exchanged(client: httpx.Client, request: bytes) -> bytes:
    """What the server answers to exactly these bytes, until it hangs up."""
    url = client.base_url
    data = b""
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        with suppress(OSError):  # the server has hung up
            connection.sendall(request)
        with suppress(OSError):
            while more := connection.recv(65536):
                data += more
    return data


def test_a_key_is_made_used_and_taken_back(tmp_path: Path, stocked: Path, run: Run) -> None:
    key = answer(run("keys", "add", "shop", "--json"))["key"]
    plain = run("keys", "add", "other").stdout.decode().strip()
    assert plain.startswith("if_")
    assert [one["name"] for one in answer(run("keys", "list", "--json"))] == ["shop", "other"]
    assert b"shop" in run("keys", "list").stdout
    assert "already" in refusal(run("keys", "add", "shop"))
    with serving(tmp_path, "--db", stocked, "--keys", "imagefinder.keys") as client:
        assert client.get("/v1/stats").status_code == 401
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/stats", headers=headers).status_code == 200
        assert run("keys", "remove", "shop").returncode == 0
        assert client.get("/v1/stats", headers=headers).status_code == 401
    assert "no key" in refusal(run("keys", "remove", "shop"))


def test_a_server_without_its_keys_does_not_start(run: Run, stocked: Path) -> None:
    assert "imagefinder keys add" in refusal(run("serve", "--keys", "missing.keys", "--port", 0))


def test_a_server_that_may_write_makes_its_catalogue(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    assert "imagefinder add FOLDER" in refusal(run("serve", "--port", 0))
    with served(tmp_path, "--writable") as (client, _, log):
        assert client.get("/readyz").json()["images"] == 0
        image = {"image": (folder / "a.jpg").read_bytes()}
        assert client.post("/v1/search", files=image).json()["hits"] == []
        assert client.post("/v1/images", files=image).status_code == 201
        answer(run("add", folder / "b.jpg", "--json"))
        assert client.get("/readyz").json()["images"] == 2
        assert "the catalogue is empty" in log.read_text()


def test_a_server_is_asked_whether_it_is_ready(run: Run, stocked: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--db", stocked) as client:
        address = str(client.base_url)
        assert answer(run("ping", address, "--json"))["encoder"] == "standard"
        assert run("ping", f"{address}/").stdout.endswith(b" images by standard\n")
        assert "HTTP status 404" in refusal(run("ping", f"{address}/v1"))
    assert "no server at" in refusal(run("ping", address))


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://", "http://a:b"])
def test_what_is_no_server_s_address_is_not_asked(run: Run, url: str) -> None:
    assert "http://HOST:PORT" in misuse(run("ping", url))


def test_uploads_go_with_writable(run: Run, stocked: Path) -> None:
    assert "--writable" in misuse(run("serve", "--uploads", "here", "--port", 0))


def test_a_search_may_name_a_url_where_the_server_fetches(
    tmp_path: Path, stocked: Path, run: Run
) -> None:
    def asked(*words: str) -> httpx.Response:
        with serving(tmp_path, "--db", stocked, *words) as client:
            own = client.get("/v1/images").json()["images"][0]["id"]
            url = f"{client.base_url}/v1/images/{own}/file"
            found = client.post("/v1/search", data={"url": url, "k": 1})
            assert found.status_code != 200 or found.json()["hits"][0]["id"] == own
            return found

    assert asked().status_code == 403
    refused = asked("--fetch")
    assert refused.status_code == 422
    assert "public" in refused.json()["detail"]
    assert asked("--fetch", "--allow-private").status_code == 200
    assert "--fetch" in misuse(run("serve", "--allow-private", "--port", 0))


def test_two_catalogues_by_one_encoder_are_not_served(
    run: Run, stocked: Path, tmp_path: Path
) -> None:
    shutil.copy(stocked, tmp_path / "other.db")
    said = refusal(run("serve", "--also", "other.db", "--port", 0))
    assert "two of the catalogues use the encoder standard" in said


def test_an_encoder_chooses_among_catalogues(
    run: Run, stocked: Path, folder: Path, tmp_path: Path
) -> None:
    answer(run("add", folder, "--db", "hashes.db", "--encoder", "phash", "--json"))
    image = {"image": ("a.jpg", (folder / "a.jpg").read_bytes())}
    with serving(tmp_path, "--db", stocked, "--also", "hashes.db") as client:
        found = client.post("/v1/search", files=image, data={"encoder": "phash"}).json()
        assert (found["encoder"], found["hits"][0]["name"]) == ("phash", "a.jpg")
        assert client.post("/beit-similar-images", files=image).status_code == 404


def test_images_are_added_and_deleted(stocked: Path, folder: Path, tmp_path: Path) -> None:
    data = (folder / "a.jpg").read_bytes() + b"more"
    with serving(tmp_path, "--db", stocked, "--writable", "--uploads", "kept") as client:
        added = client.post("/v1/images", files={"image": ("my chair.jpg", data)})
        assert added.status_code == 201
        (kept,) = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
        assert (kept.name, kept.read_bytes()) == ("my chair.jpg", data)
        assert client.delete(f"/v1/images/{added.json()['id']}").status_code == 204
        assert not kept.exists()
    with serving(tmp_path, "--db", stocked) as client:
        refused = client.post("/v1/images", files={"image": ("a.jpg", data)})
        assert refused.status_code == 403


def test_what_a_client_says_of_itself_does_not_count(stocked: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--db", stocked, "--rate", 3) as client:
        statuses = [
            client.get("/v1/stats", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
            for n in range(5)
        ]
    assert statuses == [200, 200, 200, 429, 429]


def test_a_proxy_that_is_named_is_believed(stocked: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--db", stocked, "--rate", 3, "--proxy", "127.0.0.1") as client:
        statuses = [
            client.get("/v1/stats", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
            for n in range(5)
        ]
    assert statuses == [200] * 5


def test_no_body_is_read_without_end_whoever_refuses(
    stocked: Path, run: Run, tmp_path: Path
) -> None:
    answer(run("keys", "add", "shop", "--json"))
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    chunk = b"%x\r\n%b\r\n" % (10**6, bytes(10**6))
    options = ("--keys", "imagefinder.keys", "--max-upload", 1)
    with serving(tmp_path, "--db", stocked, *options) as client:
        assert exchanged(client, head + 100 * chunk).startswith(b"HTTP/1.1 401")
        assert client.get("/healthz").status_code == 200


def test_a_head_comes_without_a_body_and_spoils_no_connection(
    stocked: Path, tmp_path: Path
) -> None:
    heads = b"HEAD /v1/images HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with serving(tmp_path, "--db", stocked) as client:
        one, two, three, body = exchanged(client, heads + last).split(b"\r\n\r\n")
        assert one.startswith(b"HTTP/1.1 200")
        assert two.startswith(b"HTTP/1.1 200")
        assert three.startswith(b"HTTP/1.1 200")
        assert body == b'{"status":"ok"}'


def test_two_lengths_are_not_two_requests(stocked: Path, tmp_path: Path) -> None:
    smuggled = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    with serving(tmp_path, "--db", stocked) as client:
        assert b"imagefinder_requests" not in exchanged(client, smuggled)
        assert client.get("/healthz").status_code == 200


def test_a_request_that_drips_in_is_not_waited_for(stocked: Path, tmp_path: Path) -> None:
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    )
    with serving(tmp_path, "--db", stocked, "--timeout", "0.3") as client:
        assert exchanged(client, head).startswith(b"HTTP/1.1 408")


def test_the_log_is_lines_of_json(stocked: Path, tmp_path: Path) -> None:
    with served(tmp_path, "--db", stocked) as (client, _, log):
        client.get("/v1/images/x", headers={"X-Request-ID": "mine"})
        until(lambda: "mine" in log.read_text())
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        (mine,) = [line for line in lines if line.get("request_id") == "mine"]
        assert (mine["method"], mine["path"], mine["status"]) == ("GET", "/v1/images/x", 404)
        assert mine["ms"] > 0


def test_a_request_at_work_is_finished_before_the_server_ends(
    stocked: Path, tmp_path: Path
) -> None:
    """Its body comes once the server waits for it and has been told to stop."""
    with served(tmp_path, "--db", stocked) as (client, process, log):
        url = client.base_url
        with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
            connection.sendall(
                b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200\r\n"
                b"Content-Type: text/plain\r\nExpect: 100-continue\r\n\r\n"
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 100")
            process.send_signal(signal.SIGTERM)
            until(lambda: "Shutting down" in log.read_text())
            connection.sendall(b"x" * 200)
            assert connection.recv(65536).startswith(b"HTTP/1.1 415")
        assert process.wait(60) == -signal.SIGTERM


@pytest.mark.parametrize("route", ["sift", "resnet50", "beit"])
def test_the_routes_of_before_answer_the_ids_of_the_three_best(
    server: httpx.Client, images: list[Path], route: str
) -> None:
    image = {"image": images[3].read_bytes()}
    hits = server.post("/v1/search", files=image).json()["hits"]
    ids = server.post(f"/{route}-similar-images", files=image).json()
    assert ids == [hit["id"] for hit in hits]
    assert server.post("/similarity-search", files=image).json() == {"ids": ids}
    assert server.post(f"/{route}-similar-images").status_code == 422


def test_the_routes_of_before_choose_their_catalogue(
    tmp_path: Path, stocked: Path, folder: Path
) -> None:
    pytest.importorskip("cv2")
    answer(
        run_in(
            tmp_path, "add", folder, "--db", "prints.db", "--encoder", "dhash", "--local", "sift",
            "--json",
        )
    )  # fmt: skip
    image = {"image": (folder / "b.jpg").read_bytes()}
    with serving(tmp_path, "--db", stocked, "--also", "prints.db") as client:
        first = client.post("/sift-similar-images", files=image).json()[0]
        form = {"encoder": "dhash", "rerank": "mutual"}
        hits = client.post("/v1/search", files=image, data=form).json()["hits"]
        assert first == hits[0]["id"]
        assert client.post("/resnet50-similar-images", files=image).status_code == 404


def test_a_server_without_a_folder_for_uploads_keeps_thumbnails(
    tmp_path: Path, folder: Path, run: Run
) -> None:
    image = (next(folder.glob("*.jpg")).read_bytes()) + b"another"
    words = ("--db", "new.db", "--encoder", "dhash", "--writable", "--show", "title, price")
    with serving(tmp_path, *words) as client:
        assert client.get("/v1/stats").json()["shows"] == ["title", "price"]
        added = client.post("/v1/images", files={"image": ("a.jpg", image)}).json()
        assert added["name"] == "a.jpg"
        assert client.get(f"/v1/images/{added['id']}/thumbnail").is_success
    (kept,) = (tmp_path / ".new.db.thumbnails").rglob("*.jpg")
    assert kept.name == "a.jpg.jpg"
    assert "--show" in misuse(run("serve", "--show", "title,,price", "--port", 0))
