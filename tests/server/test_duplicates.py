"""Near-duplicates over HTTP: all at once, one by one, decisions, and the script that removes."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.server import Settings, create_app
from imagefinder.testing.gallery import draw_scene

Open = Callable[..., TestClient]

_JSON = {"Content-Type": "application/json"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An image, a smaller copy of it, the copy's very file elsewhere, and another image."""
    folder = tmp_path / "it's $HOME"
    folder.mkdir()
    scene = draw_scene("harbour")
    scene.save(folder / "large.png")
    scene.resize((scene.width // 2, scene.height // 2)).save(folder / "small.png")
    shutil.copy(folder / "small.png", folder / "small (1).png")
    draw_scene("mosaic").save(folder / "other.png")
    with Finder.create(tmp_path / "photos.db") as finder:
        finder.add(folder)
    return folder


@pytest.fixture
def serving(photos: Path) -> Open:
    """A client of a server with settings."""

    def opened(**settings: Any) -> TestClient:
        app = create_app(photos.parent / "photos.db", Settings(**settings))
        return TestClient(app, base_url="http://localhost")

    return opened


def lines(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    """Without those that only say how far it is."""
    answer = client.get("/v1/duplicates/stream", params=params)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    read = [json.loads(line) for line in answer.text.splitlines()]
    return [line for line in read if "share" not in line]


def test_groups_come_one_by_one(serving: Open) -> None:
    client = serving()
    begun, identical, near, finished = lines(client)
    assert begun["begun"]["images"] == 3
    assert identical["group"]["copies"] == []
    assert [one["name"] for one in identical["group"]["best"]["files"]] == [
        "small.png",
        "small (1).png",
    ]
    whole = client.get("/v1/duplicates").json()
    assert [near["group"]] == whole["groups"]
    assert near["group"]["best"]["name"] == "large.png"
    assert finished == {"finished": {"unseen": 0, "undecided": 0}}
    assert begun["begun"]["threshold"] == whole["threshold"]


def test_folders_are_told_only_if_the_owner_says_so(serving: Open, photos: Path) -> None:
    paths = [
        file["path"]
        for shows in (False, True)
        for file in serving(show_paths=shows)
        .get("/v1/duplicates")
        .json()["groups"][0]["best"]["files"]
    ]
    assert paths == [None, str(photos / "large.png")]


def test_what_cannot_be_looked_for_is_an_error_at_once(serving: Open) -> None:
    answer = serving().get("/v1/duplicates/stream", params={"verify": "geometry"})
    assert answer.status_code == 422
    assert "no local features" in answer.json()["detail"]
    assert len(lines(serving())) == 4, "and the next search is not kept from beginning"


def test_decisions_are_remembered_and_taken_back(serving: Open) -> None:
    client = serving(writable=True)
    group = client.get("/v1/duplicates").json()["groups"][0]
    ids = sorted([group["best"]["id"], group["copies"][0]["id"]])
    said = client.post("/v1/duplicates/decisions", data={"id": ids}).json()
    assert said == {"decisions": [ids]} == client.get("/v1/duplicates/decisions").json()
    (left,) = client.get("/v1/duplicates").json()["groups"]
    assert left["copies"] == []
    back = client.delete("/v1/duplicates/decisions", params={"id": ids}).json()
    assert back == {"decisions": []}
    assert client.get("/v1/duplicates").json()["groups"] == [group]


@pytest.mark.parametrize(
    ("ids", "status"),
    [([], 422), (["0" * 16], 422), (["0" * 16, "1" * 16], 404), (["x", "y"], 404)],
)
def test_decisions_on_no_images_are_errors(serving: Open, ids: list[str], status: int) -> None:
    client = serving(writable=True)
    assert client.post("/v1/duplicates/decisions", data={"id": ids}).status_code == status
    assert client.delete("/v1/duplicates/decisions", params={"id": ids}).status_code == status


def test_a_reader_decides_nothing(serving: Open) -> None:
    ids = {"id": ["0" * 16, "1" * 16]}
    assert serving().post("/v1/duplicates/decisions", data=ids).status_code == 403
    assert serving().delete("/v1/duplicates/decisions", params=ids).status_code == 403


def test_the_script_removes_what_was_chosen(serving: Open, photos: Path) -> None:
    names = ("small.png", "small (1).png")
    chosen = [{"path": str(photos / name), "kept": str(photos / "large.png")} for name in names]
    answer = serving(show_paths=True).post("/v1/duplicates/script", json={"files": chosen})
    assert answer.status_code == 200, answer.text
    assert len(list(photos.iterdir())) == 4, "nothing is removed before it is run"
    script = photos.parent / "script.sh"
    script.write_bytes(answer.content)
    subprocess.run(["/bin/sh", script, photos.parent / "away"], check=True, cwd=photos.parent)
    assert sorted(one.name for one in photos.iterdir()) == ["large.png", "other.png"]
    moved = photos.parent / "away" / str(photos).removeprefix("/")
    assert sorted(one.name for one in moved.iterdir()) == sorted(names)


def test_a_script_is_of_files_of_the_catalogue_only(serving: Open, photos: Path) -> None:
    client = serving(show_paths=True)
    large, small = str(photos / "large.png"), str(photos / "small.png")

    def status(*pairs: tuple[str, str]) -> int:
        chosen = [{"path": path, "kept": kept} for path, kept in pairs]
        body = json.dumps({"files": chosen}).encode()
        return client.post("/v1/duplicates/script", content=body, headers=_JSON).status_code

    assert status(("/etc/passwd", large)) == 404
    assert status((small, "\ud800")) == 404
    assert status((small, large), (large, small)) == 422
    assert status() == 422


def test_a_server_that_tells_no_paths_makes_no_script(serving: Open, photos: Path) -> None:
    chosen = [{"path": str(photos / "small.png"), "kept": str(photos / "large.png")}]
    answer = serving().post("/v1/duplicates/script", json={"files": chosen})
    assert answer.status_code == 403
    assert "--show-paths" in answer.json()["detail"]
