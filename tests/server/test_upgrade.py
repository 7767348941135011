"""A catalogue that is upgraded to another encoder while a server answers from it."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.catalogue import reencoding, upgrade
from imagefinder.encoders import default
from imagefinder.encoders.perceptual_hash import DHash
from imagefinder.errors import EncoderChanged
from imagefinder.search.retrieval import Retriever
from imagefinder.server.api_keys import KeyFile
from imagefinder.server.dynamic_batching import BatchingEncoder
from imagefinder.server.served_finder import ServedFinder

from .conftest import COUNT, Serve, bearer

AFTER = "dhash"


def upgraded(catalogue: Path) -> None:
    with Finder.open(catalogue) as finder:
        assert finder.upgrade(AFTER).is_switched


def search(client: TestClient, image: Path, **fields: str) -> Any:
    answer = client.post("/v1/search", files={"image": image.read_bytes()}, data=fields)
    return answer.raise_for_status().json()


def test_searches_go_on_with_the_new_encoder(serve: Serve, folder: Path) -> None:
    client = serve()
    before = search(client, folder / "03.jpg")
    assert before["encoder"] == "classic"
    upgraded(serve.catalogue)
    after = search(client, folder / "03.jpg")
    assert after["encoder"] == AFTER
    assert after["hits"][0]["id"] == before["hits"][0]["id"]
    assert search(client, folder / "03.jpg", encoder=AFTER) == after
    gone = client.post("/v1/search", data={"encoder": "classic", "id": after["hits"][0]["id"]})
    assert (gone.status_code, "which has dhash" in gone.json()["detail"]) == (422, True)


def test_its_name_is_known_before_any_search(serve: Serve) -> None:
    client = serve()
    upgraded(serve.catalogue)
    assert client.get("/v1/images", params={"encoder": AFTER}).status_code == 200
    (about,) = client.get("/v1/stats").json()["catalogues"]
    assert (about["encoder"], about["measure"], about["images"]) == (AFTER, "hamming", COUNT)


def test_uploads_are_encoded_by_the_new_encoder(
    serve: Serve, tmp_path: Path, image_file: Path
) -> None:
    client = serve(writable=True, uploads=tmp_path / "kept")
    upgraded(serve.catalogue)
    added = client.post("/v1/images", files={"image": ("new.png", image_file.read_bytes())})
    assert added.status_code == 200 or added.status_code == 201
    with Finder.open(serve.catalogue) as finder:
        assert finder.store.features(int(added.json()["id"], 16)).shape == (1, 8)
        assert Finder.check(serve.catalogue) == []


@pytest.mark.parametrize("path", ["/v1/duplicates", "/v1/map?by=pca"])
def test_what_reads_all_vectors_reads_those_of_now(path: str, serve: Serve) -> None:
    client = serve()
    before = client.get(path)
    assert before.status_code == 200
    upgraded(serve.catalogue)
    after = client.get(path)
    assert after.status_code == 200
    assert after.json().get("encoder", AFTER) == AFTER


def test_two_stored_images_are_compared(serve: Serve) -> None:
    client = serve()
    images = [one["id"] for one in client.get("/v1/images?limit=2").json()["images"]]
    upgraded(serve.catalogue)
    assert client.post("/v1/compare", data={"id": images}).status_code == 200


def test_a_switch_in_the_midst_of_other_requests_is_said(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    pinned = ServedFinder.pinned

    def late(self: ServedFinder) -> Any:
        before = pinned(self)
        if upgrade.other_vectors(before.store) is None and before.recipe.encoder != AFTER:
            upgraded(serve.catalogue)
        return before

    with monkeypatch.context() as patch:
        patch.setattr(ServedFinder, "pinned", late)
        answer = client.get("/v1/map?by=pca")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "has just gone over to another encoder" in answer.json()["detail"]
    assert client.get("/v1/map?by=pca").json()["encoder"] == AFTER


def test_a_switch_in_the_midst_of_a_search_is_not_seen(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    calls: list[bool] = []
    whole = Retriever.search

    def late(self: Retriever, *given: Any) -> Any:
        calls.append(True)
        if len(calls) == 1:
            upgraded(serve.catalogue)
        return whole(self, *given)

    monkeypatch.setattr(Retriever, "search", late)
    assert search(client, folder / "03.jpg")["encoder"] == AFTER
    assert len(calls) == 2


def test_it_goes_on_in_shared_batches(serve: Serve, folder: Path) -> None:
    client = serve()
    finder = client.app.state.opened.catalogues.first.finder  # type: ignore[attr-defined]
    pinned = finder.pinned()
    upgraded(serve.catalogue)
    search(client, folder / "03.jpg")
    assert isinstance(finder.encoder, BatchingEncoder)
    with pytest.raises(EncoderChanged):
        pinned.store.features_of(pinned.store.select().tolist())


def wait(client: TestClient) -> Any:
    """The state once the thread has ended."""
    client.app.state.opened.upgrades._thread.join(60)  # type: ignore[attr-defined]
    return client.get("/v1/upgrade").json()


def test_it_is_started_over_http(serve: Serve, folder: Path) -> None:
    client = serve(writable=True)
    assert client.get("/v1/upgrade").json()["status"] == "none"
    begun = client.post("/v1/upgrade", data={"to": AFTER, "keep": "true"})
    assert (begun.status_code, begun.json()["status"]) == (202, "running")
    assert (begun.json()["before"], begun.json()["total"]) == ("classic", COUNT)
    state = wait(client)
    assert (state["status"], state["after"], state["done"]) == ("done", AFTER, COUNT)
    assert (state["missing"], state["missing_count"], state["notes"]) == ([], 0, [])
    assert search(client, folder / "03.jpg")["encoder"] == AFTER
    assert client.post("/v1/upgrade", data={"back": "true"}).status_code == 202
    assert wait(client)["after"] == "classic"
    assert search(client, folder / "03.jpg")["encoder"] == "classic"


def test_missing_images_are_listed_without_their_paths(serve: Serve, folder: Path) -> None:
    client = serve(writable=True)
    (folder / "05.jpg").unlink()
    client.post("/v1/upgrade", data={"to": AFTER})
    state = wait(client)
    assert (state["status"], state["done"], state["missing_count"]) == ("incomplete", COUNT - 1, 1)
    assert "secret-folder" not in str(state)
    client.post("/v1/upgrade", data={"to": AFTER, "missing": "drop"})
    state = wait(client)
    assert (state["status"], state["total"], state["missing_count"]) == ("done", COUNT - 1, 1)


def test_one_runs_at_a_time_and_stops_with_the_server(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(writable=True)
    begun, go = Event(), Event()
    encode = DHash.encode

    def held(self: DHash, images: Any) -> Any:
        begun.set()
        assert go.wait(60)
        return encode(self, images)

    monkeypatch.setattr(DHash, "encode", held)
    monkeypatch.setattr(reencoding, "_BATCH", 1)
    monkeypatch.setattr(reencoding, "cores", lambda: 1)
    client.post("/v1/upgrade", data={"to": AFTER})
    assert begun.wait(60)
    again = client.post("/v1/upgrade", data={"to": AFTER})
    assert (again.status_code, "running already" in again.json()["detail"]) == (409, True)
    runner = client.app.state.opened.upgrades  # type: ignore[attr-defined]
    runner._ending.set()
    go.set()
    runner.close()
    assert runner.state.status == "incomplete"
    with Finder.open(serve.catalogue) as finder:
        assert finder.recipe.encoder == "classic"
        assert finder.upgrade(AFTER).is_switched


def test_one_that_fails_says_so(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = serve(writable=True)
    with Finder.open(serve.catalogue) as finder:
        finder.upgrade(AFTER, keep=True)
        client.post("/v1/upgrade", data={"to": "phash"})
        assert wait(client)["status"] == "failed"
        assert "the vectors of classic are kept" in caplog.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"to": "onnx:/etc/passwd"}, "there is no such encoder"),
        ({"to": "/etc"}, "there is no such encoder"),
        ({"back": "true"}, "no former vectors are kept"),
        ({"back": "true", "to": AFTER}, "leave it out with back"),
        ({"missing": "keep-old"}, "missing"),
    ],
)
def test_what_it_cannot_do_is_told(serve: Serve, fields: dict[str, str], said: str) -> None:
    answer = serve(writable=True).post("/v1/upgrade", data=fields)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("fields", [{"to": "resnet50"}, {}])
def test_an_encoder_that_is_not_installed_is_told_at_once(
    serve: Serve,
    fields: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path / "library"))
    monkeypatch.setattr(default, "is_present", lambda _: False)
    client = serve(writable=True)
    answer = client.post("/v1/upgrade", data=fields)
    assert (answer.status_code, "its log says why" in answer.json()["detail"]) == (422, True)
    assert "is not installed" in caplog.text
    assert client.get("/v1/upgrade").json()["status"] == "none"


def test_it_needs_the_right_to_write(serve: Serve, keys: KeyFile) -> None:
    assert serve().post("/v1/upgrade", data={"to": AFTER}).status_code == 403
    reading = bearer(keys.add("reader", writes=False))
    client = serve(writable=True, keys=keys.path)
    assert client.post("/v1/upgrade", data={"to": AFTER}).status_code == 401
    assert client.post("/v1/upgrade", data={"to": AFTER}, headers=reading).status_code == 403
    assert client.get("/v1/upgrade", headers=reading).status_code == 200
