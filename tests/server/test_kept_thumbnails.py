"""Kept thumbnails: a server without a folder for uploads still shows what was added."""

import logging
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest
from fastapi.testclient import TestClient

from ..conftest import drawn
from .conftest import Serve


@pytest.fixture
def thumbnails(tmp_path: Path) -> Path:
    return tmp_path / ".thumbnails"


@pytest.fixture
def client(serve: Serve, thumbnails: Path) -> TestClient:
    return serve(writable=True, thumbnails=thumbnails)


@pytest.fixture
def image() -> bytes:
    with BytesIO() as file:
        PIL.Image.fromarray(drawn(4, 900, 600)).save(file, "PNG")
        return file.getvalue()


def added(client: TestClient, image: bytes, name: str) -> str:
    response = client.post("/v1/images", files={"image": (name, image)})
    assert response.is_success
    return str(response.json()["id"])


def test_an_added_image_has_its_name_and_a_thumbnail(client: TestClient, image: bytes) -> None:
    place = f"/v1/images/{added(client, image, 'Café at night.png')}"
    assert client.get(place).json()["name"] == "Café at night.png"
    hits = client.post("/v1/search", files={"image": image}).json()["hits"]
    assert hits[0]["name"] == "Café at night.png"
    for side in (64, 640):
        response = client.get(f"{place}/thumbnail", params={"side": side})
        with PIL.Image.open(BytesIO(response.content)) as shown:
            assert shown.size == (side, round(side * 2 / 3))
    headers = {"If-None-Match": response.headers["ETag"]}
    unchanged = client.get(f"{place}/thumbnail", params={"side": 640}, headers=headers)
    assert unchanged.status_code == 304
    assert client.get(f"{place}/file").status_code == 410


def test_the_first_name_stays_and_goes_with_the_image(
    client: TestClient, image: bytes, thumbnails: Path
) -> None:
    place = f"/v1/images/{added(client, image, 'first.png')}"
    added(client, image, "second.png")
    assert client.get(place).json()["name"] == "first.png"
    assert len([one for one in thumbnails.rglob("*") if one.is_file()]) == 1
    assert client.delete(place).status_code == 204
    assert list(thumbnails.iterdir()) == []


def test_images_are_listed_by_these_names(
    client: TestClient, image: bytes, thumbnails: Path
) -> None:
    own = added(client, image, "Zzz harbour.png")
    (thumbnails / "12" / "1234567890abcdef").mkdir(parents=True)
    (thumbnails / "12" / "1234567890abcdef" / "harbour.jpg").touch()  # another catalogue's

    def listed(**query: str) -> list[str]:
        images = client.get("/v1/images", params={"limit": "1000", **query}).json()["images"]
        return [one["id"] for one in images]

    assert listed(sort="name", order="desc")[0] == own
    assert listed(sort="added", words="HARBOUR zzz") == [own]
    assert listed(sort="name", words="nothing") == []
    assert sorted(listed(sort="name")) == sorted(listed())
    client.delete(f"/v1/images/{own}")
    assert listed(sort="added", words="zzz") == []


@pytest.mark.parametrize("name", ["../../../up.png", "/etc/passwd", "..", "a\0b.png", "x" * 500])
def test_no_name_leads_out_of_the_folder(
    client: TestClient, image: bytes, thumbnails: Path, name: str
) -> None:
    place = f"/v1/images/{added(client, image, name)}"
    (kept,) = [one for one in thumbnails.rglob("*") if one.is_file()]
    assert kept.parent.parent.parent == thumbnails
    assert client.get(f"{place}/thumbnail").is_success


def test_an_image_with_a_file_needs_none(
    client: TestClient, folder: Path, thumbnails: Path
) -> None:
    added(client, next(folder.glob("*.jpg")).read_bytes(), "again.jpg")
    assert not thumbnails.exists()


def test_an_image_is_added_even_if_no_thumbnail_can_be_kept(
    client: TestClient, image: bytes, thumbnails: Path, caplog: pytest.LogCaptureFixture
) -> None:
    thumbnails.write_bytes(b"a file of the user's")
    with caplog.at_level(logging.WARNING):
        place = f"/v1/images/{added(client, image, 'new.png')}"
    assert "no thumbnail is kept" in caplog.text
    assert client.get(place).json()["name"] is None
    assert client.get(f"{place}/thumbnail").status_code == 410
    assert thumbnails.read_bytes() == b"a file of the user's"
