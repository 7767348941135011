"""A catalogue with regions over HTTP: hits say where, and verdicts are on whole images."""

from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder

from ..conftest import drawn


@pytest.fixture
def catalogue(folder: Path) -> Path:
    """Drawn images, of which one lies in a scene."""
    scene = drawn(900, 240, 180)
    scene[60:, 80:] = np.asarray(PIL.Image.fromarray(drawn(99)).resize((160, 120)))
    PIL.Image.fromarray(scene).save(folder / "scene.png")
    file = folder.parent / "regions.db"
    with Finder.create(file, "classic", regions=2) as finder:
        finder.add(folder)
    return file


def test_a_hit_says_where(client: TestClient) -> None:
    image = BytesIO()
    PIL.Image.fromarray(drawn(99)).save(image, "png")
    first, second = client.post(
        "/v1/search", files=[("image", ("thing.png", image.getvalue()))], data={"k": "2"}
    ).json()["hits"]
    assert (first["name"], first["region"]) == ("scene.png", [80, 60, 160, 120])
    stored = client.post("/v1/search", data={"id": second["id"], "k": "1"}).json()["hits"]
    assert (stored[0]["id"], stored[0]["region"]) == (second["id"], None)


def test_whole_images_are_compared(client: TestClient, folder: Path) -> None:
    data = (folder / "scene.png").read_bytes()
    found = client.post("/v1/compare", files=[("image", ("a", data)), ("image", ("b", data))])
    assert found.json()["verdict"] == "same image"
