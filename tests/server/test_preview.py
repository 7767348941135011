"""Previews of uploaded images."""

from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.server import Settings, create_app
from imagefinder.testing.gallery import draw_scene


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """Of a server whose uploads are limited."""
    Finder.create(tmp_path / "empty.db").close()
    app = create_app(tmp_path / "empty.db", Settings(max_upload=5_000_000))
    return TestClient(app, base_url="http://localhost")


def tiff(width: int, height: int, orientation: int) -> bytes:
    image = draw_scene("harbour").resize((width, height))
    with BytesIO() as file:
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        image.save(file, "TIFF", exif=exif)
        return file.getvalue()


def test_a_preview_is_small_upright_and_tells_the_size(client: TestClient) -> None:
    upload = {"image": ("photo.tiff", tiff(1280, 640, 6))}
    answer = client.post("/v1/preview", files=upload)
    assert answer.status_code == 200, answer.text
    assert (answer.headers["image-width"], answer.headers["image-height"]) == ("640", "1280")
    with PIL.Image.open(BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (512, 1024))


@pytest.mark.parametrize(
    ("data", "status"), [(b"no image", 422), (b"", 422), (b"0" * 6_000_000, 413)]
)
def test_bad_uploads_are_errors(client: TestClient, data: bytes, status: int) -> None:
    answer = client.post("/v1/preview", files={"image": ("photo.tiff", data)})
    assert answer.status_code == status, answer.text


def test_a_form_without_an_image_is_an_error(client: TestClient) -> None:
    assert client.post("/v1/preview").status_code == 422
