"""The client in Python, against a real server."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import PIL.Image
import pytest

from imagefinder import Finder
from imagefinder.client import Client
from imagefinder.errors import NotFound, RequestError

from ..conftest import drawn
from ..e2e.program import serving


@pytest.fixture(scope="module")
def catalogue(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("client") / "c.db"
    with Finder.create(path, "classic") as finder:
        finder.add(sorted(images.iterdir()), metadata={"room": "kitchen"})
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:

    folder = tmp_path_factory.mktemp("images")
    for seed in range(4):
        PIL.Image.fromarray(drawn(seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def client(catalogue: Path) -> Iterator[Client]:
    with (
        serving(catalogue.parent, "--db", catalogue, "--writable") as http,
        Client(str(http.base_url)) as client,
    ):
        yield client


def test_hits_and_records_are_those_of_a_finder(
    client: Client, catalogue: Path, images: Path
) -> None:
    query = images / "1.png"
    with Finder.open(catalogue) as finder:
        ours, theirs = finder.search(query, k=3), client.search(query, k=3)
        assert [(hit.id, hit.rank, hit.verdict) for hit in theirs] == [
            (hit.id, hit.rank, hit.verdict) for hit in ours
        ]
        assert theirs[0].evidence == ours[0].evidence
        assert (theirs[0].path, theirs[0].metadata) == ("1.png", {"room": "kitchen"})
        record = client.get(ours[0].id)
        assert (record.sha256, record.size) == (ours[0].record.sha256, ours[0].record.size)
        similar = client.similar(record.id, k=2)
        assert [hit.id for hit in similar] == [hit.id for hit in ours[1:]]
        first, *_ = page = client.page(2)
        assert [one.id for one in page] == [one.id for one in finder.page(2)]
        assert client.page(1, after=first.id) == page[1:]
    assert client.search(record.id, k=1)[0].id == record.id
    assert client.search(query, where={"room": "hall"}).detail


def test_images_are_added_changed_and_removed(client: Client, images: Path) -> None:
    new = (images / "1.png").read_bytes() + b"more"
    for item, price in (("17", 9), ("18", 30)):
        record = client.add(new, metadata={"price": price}, item=item)
    assert [(one.id, one.metadata["price"]) for one in record.items] == [("17", 9), ("18", 30)]
    changed = client.patch_metadata(record.id, {"price": 31}, item="18")
    assert changed.items[1].metadata == {"price": 31}
    client.remove(record.id)
    with pytest.raises(NotFound):
        client.get(record.id)
    with pytest.raises(RequestError) as refused:
        client.add(b"no image")
    assert refused.value.status == 422
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(RequestError):
        nobody.page()


def test_many_are_added_and_removed(client: Client, images: Path, tmp_path: Path) -> None:
    damaged, missing = tmp_path / "damaged.png", tmp_path / "missing.png"
    damaged.write_bytes(b"no image")
    new = [(images / f"{seed}.png").read_bytes() + b"new" for seed in range(2)]
    report = client.add_many(
        [new[0], missing, images / "0.png", damaged, new[1]],
        metadata=[{"price": price} for price in range(5)],
        items=[f"SKU-{number}" for number in range(5)],
    )
    assert (report.added, report.unchanged) == (2, 1)
    assert {one.path for one in report.failed} == {str(missing), str(damaged)}
    added = client.page(where={"price": {"in": [0, 4]}})
    assert sorted(one.items[0].id or "" for one in added) == ["SKU-0", "SKU-4"]
    gone = client.remove_many([*(one.id for one in added), "0" * 16])
    assert gone.removed == 2
    assert [one.path for one in gone.failed] == ["0" * 16]
    assert client.add_many([]).done == client.remove_many([]).done == 0


def test_more_than_one_batch_is_sent_in_several(
    client: Client, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder.client._LINES", 2)
    new = [(images / "1.png").read_bytes() + str(number).encode() for number in range(5)]
    report = client.add_many([*new, b"no image"], metadata={"series": 5})
    assert (report.added, len(report.failed)) == (5, 1)
    assert client.remove_many(one.id for one in client.page(where={"series": 5})).removed == 5


def test_lines_that_came_too_late_are_an_error() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        problem = {"status": 408, "detail": "the upload comes too\u2028slowly"}
        lines = [{"line": 1, "status": 408, "problem": problem}, {"finished": {"lines": 1}}]
        return httpx.Response(
            200, text="\n".join(json.dumps(one, ensure_ascii=False) for one in lines)
        )

    with (
        Client("http://localhost", transport=httpx.MockTransport(answer)) as client,
        pytest.raises(RequestError, match="too\u2028slowly"),
    ):
        client.remove_many(["0" * 16, "1" * 16])


def test_a_report_that_is_cut_short_is_an_error() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text='{"line": 1, "status": 204, "id": "0000000000000000"}\n')

    with (
        Client("http://localhost", transport=httpx.MockTransport(answer)) as client,
        pytest.raises(RequestError, match="cut short"),
    ):
        client.remove_many(["0" * 16])


@pytest.mark.parametrize("hidden", ["?x=1", "#part", "/", "/../{id}", "\n", "\udcff", "x" * 70_000])
def test_what_is_no_id_names_nothing_else(client: Client, hidden: str) -> None:
    first = client.page(1)[0].id
    given = f"{first}{hidden.format(id=first)}"
    for ask in (
        client.get,
        client.similar,
        client.remove,
        lambda one: client.patch_metadata(one, {}),
    ):
        with pytest.raises(NotFound, match="is not the id of an image"):
            ask(given)
    assert client.get(first).id == first


def test_every_name_and_value_is_sent_or_refused(
    client: Client, images: Path, tmp_path: Path
) -> None:
    named = tmp_path / "caf\udce9.png"
    named.write_bytes((images / "1.png").read_bytes() + b"named")
    record = client.add(named)
    assert record.path == "caf\ufffd.png"
    assert client.add_many([named]).unchanged == 1
    for value in (float("nan"), "\udcff"):
        with pytest.raises(RequestError):
            client.patch_metadata(record.id, {"a": value})
    for item in ("\udcff", "x" * 70_000):
        with pytest.raises(RequestError):
            client.patch_metadata(record.id, {"a": 1}, item=item)
    client.remove(record.id)
    before = len(client.page(1000))
    with pytest.raises(ValueError, match="shorter"):
        client.add_many([b"1", b"2"], items=["1"])
    assert len(client.page(1000)) == before


@pytest.mark.parametrize("body", ["<html>", "[]", "5", '{"images": 5, "hits": [{}]}', ""])
def test_another_program_answers(body: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=body)

    with Client("http://localhost", transport=httpx.MockTransport(answer)) as client:
        for ask in (
            lambda: client.get("0" * 16),
            lambda: client.page(),
            lambda: client.search(b"image"),
            lambda: client.similar("0" * 16),
            lambda: client.remove_many(["0" * 16]),
        ):
            with pytest.raises(RequestError):
                ask()
