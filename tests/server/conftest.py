"""An application in this process with a catalogue of drawn images, and a client."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.server import Settings, create_app
from imagefinder.server.api_keys import KeyFile

from ..conftest import drawn

COUNT = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Drawn images: 00.jpg to 11.jpg."""
    images = tmp_path / "secret-folder"
    images.mkdir()
    for seed in range(COUNT):
        PIL.Image.fromarray(drawn(seed)).save(images / f"{seed:02}.jpg")
    return images


@pytest.fixture
def catalogue(folder: Path) -> Path:
    """A catalogue of them, with an encoder that needs no model."""
    file = folder.parent / "library.db"
    with Finder.create(file, "classic") as finder:
        finder.add(sorted(folder.iterdir()), metadata=[{"seed": seed} for seed in range(COUNT)])
    return file


class Serve:
    """Creates applications and their clients, and closes them after the test."""

    def __init__(self, catalogue: Path) -> None:
        self.catalogue = catalogue
        self.clients: list[TestClient] = []

    def __call__(self, *also: Path, **settings: Any) -> TestClient:
        client = TestClient(self.app(*also, **settings), base_url="http://localhost:8000")
        self.clients.append(client)
        return client.__enter__()

    def app(self, *also: Path, **settings: Any) -> FastAPI:
        return create_app(self.catalogue, replace(Settings(), **settings), also)

    def close(self) -> None:
        for client in self.clients:
            client.__exit__(None, None, None)


@pytest.fixture
def serve(catalogue: Path) -> Iterator[Serve]:
    server = Serve(catalogue)
    yield server
    server.close()


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "server.keys")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
