"""The application mounted in another one, with its lifespan and without."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.errors import CatalogueMissing
from imagefinder.server import Settings, create_app, lifespan

from .conftest import COUNT

ADDRESS = "http://localhost:8000"


def test_it_is_opened_by_its_first_request(catalogue: Path, folder: Path) -> None:
    shop = FastAPI()
    found = create_app(catalogue, Settings(writable=True))
    shop.mount("/find", found)
    with TestClient(shop, base_url=ADDRESS) as client:
        assert not found.state.opened.is_open
        assert client.get("/find/readyz").json()["images"] == COUNT
        image = (folder / "03.jpg").read_bytes()
        answer = client.post("/find/v1/search", files={"image": ("03.jpg", image)})
        assert answer.json()["hits"][0]["name"] == "03.jpg"
        assert client.delete(f"/find/v1/images/{answer.json()['hits'][0]['id']}").status_code == 204
        assert "page/main.js" in client.get("/find/").text
        assert client.get("/find/page/main.js").status_code == 200
        assert "/find/openapi.json" in client.get("/find/docs").text
    found.state.opened.close()


def test_a_catalogue_that_is_missing_is_an_error_of_each_request(tmp_path: Path) -> None:
    shop = FastAPI()
    shop.mount("/find", create_app(tmp_path / "later.db"))
    with TestClient(shop, base_url=ADDRESS) as client:
        assert client.get("/find/readyz").status_code == 503
        Finder.create(tmp_path / "later.db", "classic").close()
        assert client.get("/find/readyz").json()["images"] == 0


def test_the_other_applications_lifespan_may_open_and_close_it(catalogue: Path) -> None:
    found = create_app(catalogue)

    @asynccontextmanager
    async def begin(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(found):
            yield

    shop = FastAPI(lifespan=begin)
    shop.mount("/find", found)
    with TestClient(shop, base_url=ADDRESS) as client:
        assert found.state.opened.is_open
        assert client.get("/find/readyz").status_code == 200
    assert not found.state.opened.is_open


def test_a_missing_catalogue_is_an_error_at_startup(tmp_path: Path) -> None:
    with (
        pytest.raises(CatalogueMissing),
        TestClient(create_app(tmp_path / "none.db"), base_url=ADDRESS),
    ):
        pass
