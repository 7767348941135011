"""Batches: lines of JSON in, a report of each out."""

import asyncio
import base64
import errno
import json
import re
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from imagefinder import Finder
from imagefinder.errors import FetchError
from imagefinder.server.api_keys import KeyFile
from imagefinder.server.batch import MAX_LINES, Batch, Done
from imagefinder.server.batch_lines import Line, LineSplitter

from ..conftest import drawn
from ..e2e.program import serving
from .conftest import COUNT, Serve, bearer

ADD, DELETE = "/v1/images/batch", "/v1/images/batch/delete"
NDJSON = {"Content-Type": "application/x-ndjson"}


def image(seed: int) -> bytes:
    data = BytesIO()
    PIL.Image.fromarray(drawn(seed)).save(data, "PNG")
    return data.getvalue()


def line(seed: int, **fields: Any) -> dict[str, Any]:
    return {"data": base64.b64encode(image(seed)).decode(), **fields}


def body(lines: Iterable[Any]) -> bytes:
    """Of objects, or of bytes as they are."""
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines
    )


def report(
    client: TestClient | httpx.Client, path: str, lines: Iterable[Any], **headers: str
) -> list[dict[str, Any]]:
    """The reports of the lines; they say at their end how many they are."""
    answer = client.post(path, content=body(lines), headers={**NDJSON, **headers})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    *reports, end = map(json.loads, answer.text.splitlines())
    failed = sum("problem" in one for one in reports)
    assert end == {"finished": {"lines": len(reports), "failed": failed}}
    return reports


def statuses(reports: Iterable[dict[str, Any]]) -> dict[int, int]:
    return {one["line"]: one["status"] for one in reports}


@pytest.fixture
def writable(serve: Serve) -> TestClient:
    return serve(writable=True)


def test_images_are_added_found_and_deleted(writable: TestClient) -> None:
    lines = [
        line(100, name="a.png", metadata={"room": "hall"}),
        line(101, metadata={"price": 9}, item="SKU-17"),
        line(100, metadata={"price": 30}, item="SKU-18"),
        {"data": "data:image/png;base64," + line(102)["data"]},
    ]
    added = report(writable, ADD, lines)
    assert statuses(added) == {1: 201, 2: 201, 3: 200, 4: 201}
    ids = [one["id"] for one in added]
    assert ids[0] == ids[2]
    stored = writable.get(f"/v1/images/{ids[0]}").json()
    assert [one["metadata"] for one in stored["items"]] == [{"room": "hall"}, {"price": 30}]
    found = writable.post("/v1/search", files={"image": image(102)}, data={"k": 1}).json()
    assert found["hits"][0]["id"] == ids[3]
    gone = report(writable, DELETE, [{"id": one} for one in [*ids, "0" * 16]])
    assert statuses(gone) == {1: 204, 2: 204, 3: 404, 4: 204, 5: 404}
    assert writable.get("/v1/stats").json()["catalogues"][0]["images"] == COUNT


def test_a_bad_line_costs_only_itself(writable: TestClient) -> None:
    lines = [
        line(100),
        b"{not JSON",
        b"[1, 2]",
        b"\xff\xfe",
        {"data": "***"},
        {"data": ""},
        {"data": base64.b64encode(b"no image").decode()},
        {"data": base64.b64encode(image(3)[:200]).decode()},
        line(101, url="https://images.example/a.jpg"),
        {"url": "https://images.example/a.jpg"},
        {},
        line(101, colour="red"),
        line(101, metadata=[1]),
        line(101, metadata={"a": "x" * 70_000}),
        line(101, item="SKU"),
        line(101, item="\0", metadata={"a": 1}),
        b'{"data": "", "metadata": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b'{"data": "AAAA", "name": "\\ud800"}',
        b"",
        b"   ",
        line(101),
    ]
    reports = report(writable, ADD, lines)
    expected = dict.fromkeys(range(1, 22), 422) | {1: 201, 10: 403, 21: 201}
    del expected[19], expected[20]  # which are blank
    assert statuses(reports) == expected
    for one in reports:
        if one["status"] >= 400:
            problem = one["problem"]
            assert problem["status"] == one["status"]
            assert len(problem["detail"]) < 400
            assert problem["type"] == "about:blank"
    assert "Invalid JSON" in reports[1]["problem"]["detail"]
    assert reports[11]["problem"]["errors"][0]["field"] == "colour"
    assert "room" not in reports[12]["problem"]["detail"]


def test_lines_are_bounded_in_length_and_number(serve: Serve) -> None:
    client = serve(writable=True, max_upload=20_000)
    lines = [line(100), b"x" * 20_001, b"x" * 90_000, line(101)]
    assert statuses(report(client, ADD, lines)) == {1: 201, 2: 413, 3: 413, 4: 201}
    many = report(client, DELETE, [{"id": "0" * 16}] * (MAX_LINES + 5))
    assert len(many) == MAX_LINES + 1
    assert statuses(many)[MAX_LINES] == 404
    assert "10,000 lines" in many[-1]["problem"]["detail"]
    assert many[-1]["status"] == 413
    assert many[-1]["line"] == MAX_LINES + 1


def test_blank_lines_count(writable: TestClient) -> None:
    (one,) = report(writable, DELETE, [b""] * 50_000)
    assert (one["status"], one["line"]) == (413, MAX_LINES + 1)
    assert report(writable, DELETE, [b""] * MAX_LINES) == []


def test_a_report_repeats_no_long_names(writable: TestClient) -> None:
    body_of_names = body([{f"{number}" + "x" * 10_000: 1} for number in range(5)])
    answer = writable.post(ADD, content=body_of_names, headers=NDJSON)
    assert answer.status_code == 200
    assert len(answer.content) < 5_000


def test_a_batch_is_larger_than_a_request_may_be(serve: Serve) -> None:
    client = serve(writable=True, max_upload=20_000)
    lines = [line(seed) for seed in range(100, 140)]
    assert len(body(lines)) > 2 * 20_000
    assert set(statuses(report(client, ADD, lines)).values()) == {201}


def test_the_images_of_a_batch_are_encoded_together(writable: TestClient) -> None:
    reports = report(writable, ADD, [line(seed) for seed in range(100, 164)])
    assert set(statuses(reports).values()) == {201}
    text = writable.get("/metrics").text
    bounds = ("16.0", "32.0")
    up_to_16, up_to_32 = (
        float(re.findall(f'encoded_together_bucket{{le="{bound}"}} (.+)', text)[0])
        for bound in bounds
    )
    assert up_to_32 - up_to_16 == 2


def test_each_line_takes_from_the_rate_limit(serve: Serve) -> None:
    client = serve(writable=True, rate=3)
    reports = report(client, ADD, [line(seed) for seed in range(100, 106)])
    assert statuses(reports) == {1: 201, 2: 201, 3: 201, 4: 429, 5: 429, 6: 429}
    assert "try again in" in reports[-1]["problem"]["detail"]
    assert client.get("/v1/stats").status_code == 429


def test_only_those_who_may_write_send_batches(
    serve: Serve, client: TestClient, keys: KeyFile
) -> None:
    for path in (ADD, DELETE):
        answer = client.post(path, content=body([line(100)]), headers=NDJSON)
        assert answer.status_code == 403
    reader, writer = keys.add("reader"), keys.add("writer", writes=True)
    keyed = serve(writable=True, keys=keys.path)
    for key, status in (("", 401), (reader, 403), (writer, 200)):
        headers = {**NDJSON, **bearer(key)}
        assert keyed.post(ADD, content=body([line(100)]), headers=headers).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {**NDJSON, "Content-Encoding": "gzip"},
    ],
)
def test_other_bodies_are_refused(writable: TestClient, headers: dict[str, str]) -> None:
    answer = writable.post(ADD, content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert "application/x-ndjson" in answer.json()["detail"]


def test_an_empty_body_has_an_empty_report(writable: TestClient) -> None:
    assert report(writable, ADD, []) == []
    assert report(writable, DELETE, [b"", b" "]) == []


def test_files_are_kept_and_deleted_as_those_of_single_requests(
    serve: Serve, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    client = serve(writable=True, uploads=kept)
    names = ["a.png", "../../b.png", "", "x" * 4000]
    lines = [line(seed, name=name) for seed, name in enumerate(names, 100)]
    lines += [line(100, name="again.png"), {"data": base64.b64encode(b"no image").decode()}]
    reports = report(client, ADD, lines)
    assert statuses(reports) == {1: 201, 2: 201, 3: 201, 4: 201, 5: 200, 6: 422}
    files = [file for file in kept.rglob("*") if file.is_file()]
    assert len(files) == 4
    assert client.get(f"/v1/images/{reports[0]['id']}").json()["name"] == "a.png"
    report(client, DELETE, [{"id": one["id"]} for one in reports[:4]])
    assert list(kept.iterdir()) == []


def test_images_are_downloaded_where_the_server_does(serve: Serve) -> None:
    def fetch(urls: Iterable[str]) -> list[bytes]:
        if any("missing" in url for url in urls):
            raise FetchError("http-404", "there is nothing")
        return [image(int(url.rpartition("/")[2])) for url in urls]

    client = serve(writable=True, fetch=fetch)
    urls = ["https://a.example/100", "https://a.example/missing", "https://a.example/101"]
    assert statuses(report(client, ADD, [{"url": url} for url in urls])) == {1: 201, 2: 422, 3: 201}


def test_trouble_of_the_server_is_a_problem_of_each_line(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(writable=True)

    def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("imagefinder.server.batch_work.add_images", broken)
    reports = report(client, ADD, [line(100), b"{", line(101)])
    assert statuses(reports) == {1: 500, 2: 422, 3: 500}
    assert "secret" not in json.dumps(reports)


def test_trouble_with_the_disk_is_told_as_for_a_single_request(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(writable=True)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("imagefinder.server.batch_work.add_images", full)
    assert statuses(report(client, ADD, [line(100)])) == {1: 507}


def test_an_image_stays_while_its_uploaded_file_cannot_be_deleted(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    client = serve(writable=True, uploads=kept)
    ids = [one["id"] for one in report(client, ADD, [line(seed) for seed in (100, 101, 102)])]
    lines = [{"id": one} for one in ids]
    unlink = Path.unlink

    def read_only(path: Path, **given: Any) -> None:
        if ids[1] in str(path):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        unlink(path, **given)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", read_only)
        reports = report(client, DELETE, lines)
        assert statuses(reports) == {1: 204, 2: 503, 3: 204}
        assert "cannot be deleted" in reports[1]["problem"]["detail"]
        assert str(tmp_path) not in json.dumps(reports)
        assert client.delete(f"/v1/images/{ids[1]}").status_code == 503
    assert statuses(report(client, DELETE, lines)) == {1: 404, 2: 204, 3: 404}
    assert list(kept.iterdir()) == []


class Requested:
    """A batch of lines in this process, and what happens to its work."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.places_left = 0

    def batch(self, receive: Receive) -> Batch:
        state = {"leave": self.leave}
        scope = {"type": "http", "method": "POST", "path": ADD, "headers": [], "state": state}
        return Batch(Request(scope, receive), self.work, 1000)

    def leave(self) -> None:
        self.places_left += 1

    def work(self, lines: Sequence[bytes]) -> list[Done | Exception]:
        self.has_begun.set()
        assert self.may_end.wait(60)
        return [Done(204, "0" * 16)] * len(lines)


def test_a_batch_whose_client_goes_ends_with_what_a_thread_is_doing() -> None:
    requested = Requested()
    pieces = [b"{}\n" * 64]

    async def receive() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        await asyncio.to_thread(requested.has_begun.wait)
        return {"type": "http.disconnect"}

    async def test() -> None:
        receiving = asyncio.create_task(requested.batch(receive).receive())
        await asyncio.to_thread(requested.has_begun.wait)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not receiving.done()
        requested.may_end.set()
        with pytest.raises(ClientDisconnect):
            await receiving

    asyncio.run(test())


def test_a_batch_leaves_its_place_once_all_is_done() -> None:
    requested = Requested()
    requested.may_end.set()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}\n", "more_body": False}

    async def test() -> None:
        batch = requested.batch(receive)
        await batch.receive()
        texts = aiter(batch.response.body_iterator)
        await anext(texts)  # and the client reads no further
        for _ in range(20):
            await asyncio.sleep(0)
        assert requested.places_left == 1
        await batch.stop()

    asyncio.run(test())


def test_work_stops_when_the_client_goes(tmp_path: Path) -> None:
    catalogue = tmp_path / "c.db"
    with Finder.create(catalogue, "classic") as finder:
        finder.add(image(1))
    with serving(tmp_path, "--db", catalogue, "--writable") as client:
        head = (
            f"POST {ADD} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            "Content-Length: 1000000000\r\n\r\n"
        )
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as sent:
            sent.sendall(head.encode() + body([line(100), line(101)]) + b'{"data": "')
        # the server goes on, and has room for others
        for seed in range(110, 116):
            assert statuses(report(client, ADD, [line(seed)])) == {1: 201}
        stats = client.get("/v1/stats").json()["catalogues"][0]
    assert stats["images"] == 7  # of the lines that were cut off, none


@given(
    st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=8),
    st.lists(st.integers(0, 100), max_size=6),
)
def test_lines_do_not_depend_on_the_pieces_of_the_body(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"\n".join(lines)
    places = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    splitter = LineSplitter(8, MAX_LINES)
    found = [line for begin, end in pairwise(places) for line in splitter.feed(whole[begin:end])]
    found += splitter.finish()
    assert found == list(expected_lines(lines))


def expected_lines(lines: list[bytes]) -> Iterator[Line]:
    for number, data in enumerate(lines, 1):
        if len(data) > 8:
            yield Line(number, None)
        elif data.strip():
            yield Line(number, data)
