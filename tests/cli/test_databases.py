"""The commands with a catalogue in a database: the same words, and no password."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from imagefinder import Finder
from imagefinder.cli.app import app
from imagefinder.server import Settings, create_app

from ..conftest import drawn
from ..postgres_server import Server

COUNT = 12
PASSWORD = "hunter2"  # noqa: S105  the server lets everybody in
Ask = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(COUNT):
        PIL.Image.fromarray(drawn(seed)).save(images / f"{seed:02}.jpg")
    return images


@pytest.fixture
def url(postgres: Server, caches: Path) -> str:
    return postgres.url().replace("postgres@", f"postgres:{PASSWORD}@")


@pytest.fixture
def ask(url: str, tmp_path: Path, with_stderr: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command, which shows no password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", url)

    def run(*words: object, fails: bool = False) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert PASSWORD not in result.output
        assert (result.exit_code != 0) == fails, result.output
        return result

    return run


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_the_walk_of_the_readme(ask: Ask, folder: Path, url: str, tmp_path: Path) -> None:
    query = folder / "03.jpg"
    assert answer(ask("add", folder, "--encoder", "phash", "--json"))["added"] == COUNT
    assert answer(ask("add", folder, "--json"))["unchanged"] == COUNT
    hits = answer(ask("search", query, "--verify", 1, "--json"))["hits"]
    assert hits[0]["path"] == str(query)
    about = answer(ask("info", "--json"))
    assert (about["images"], about["index"]) == (COUNT, "exact")
    assert about["catalogue"] == url.replace(PASSWORD, "***")
    (folder / "00.jpg").unlink()
    PIL.Image.fromarray(drawn(99)).save(folder / "99.jpg")
    report = answer(ask("sync", folder, "--json"))
    assert (report["added"], report["removed"]) == (1, 1)
    for kind in ("pgvector", "pgvector-hnsw", "auto"):
        ask("index", "build", kind)
        again = answer(ask("search", query, "--verify", 0, "--json"))["hits"]
        assert [hit["id"] for hit in again] == [hit["id"] for hit in hits]
    assert answer(ask("duplicates", "--json"))["groups"] == []
    assert "12 images exported" in ask("export", "vectors.npy").output
    assert answer(ask("remove", query, "--json"))["removed"] == 1
    assert answer(ask("import", "vectors.npy", "--json"))["added"] == 1
    reduced = ask("reduce", url, "--dim", "4", fails=True)
    assert "must be a file" in str(reduced.exception)
    assert answer(ask("upgrade", "--encoder", "dhash", "--json"))["encoded"] == COUNT
    assert answer(ask("search", query, "--json"))["hits"][0]["path"] == str(query)
    assert "is intact" in ask("check").output
    assert "bytes given back" in ask("vacuum").output
    assert "pg_dump --schema" in str(ask("backup", "copy.db", fails=True).exception)
    assert not (tmp_path / "copy.db").exists()


def test_filters_select_as_in_a_file(ask: Ask, folder: Path, url: str) -> None:
    metadata = [{"seed": seed, "kind": "even" if seed % 2 == 0 else "odd"} for seed in range(COUNT)]
    with Finder.create(url, "dhash") as finder:
        finder.add(sorted(folder.iterdir()), metadata=metadata)
    words = ("search", folder / "03.jpg", "-k", "99", "--verify", 0, "--json")
    found = ask(*words, "--where", "seed<5", "--where", "kind=odd")
    assert len(answer(found)["hits"]) == 2
    assert len(answer(ask(*words, "--folder", folder / "07.jpg"))["hits"]) == 1


def test_a_server_finds_what_others_add(url: str, folder: Path, tmp_path: Path) -> None:
    with Finder.create(url, "dhash") as other:
        other.add(sorted(folder.iterdir())[:6])
        settings = replace(Settings(), writable=True, uploads=tmp_path / "uploads")
        with TestClient(create_app(url, settings), base_url="http://localhost:8000") as client:
            assert best(client, folder / "03.jpg") == "03.jpg"
            other.add(folder / "09.jpg")
            assert best(client, folder / "09.jpg") == "09.jpg"
            image = (folder / "11.jpg").read_bytes()
            added = client.post("/v1/images", files={"image": ("new.jpg", image)})
            assert added.status_code in (200, 201), added.text
            assert len(other) == 8
            assert PASSWORD not in client.get("/v1/stats").text + client.get("/metrics").text
            for route in ("/", "/v1/images", "/v1/duplicates", "/v1/map", "/v1/upgrade"):
                assert client.get(route).status_code == 200, route


def best(client: TestClient, image: Path) -> str:
    answered = client.post("/v1/search", files={"image": (image.name, image.read_bytes())})
    assert answered.status_code == 200, answered.text
    return str(answered.json()["hits"][0]["name"])


def test_what_cannot_be_a_database_is_said_in_one_line(ask: Ask) -> None:
    nowhere = "postgresql://me:hunter2@127.0.0.1:1/db#a"
    for words in (("info",), ("search", "a.jpg"), ("add", ".")):
        said = str(ask(*words, "--db", nowhere, fails=True).exception)
        assert "cannot be reached" in said and PASSWORD not in said
