"""A real Ray on this machine, started once, and a folder of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from imagefinder.cluster.session import ray_session

from ..conftest import ObjectStores


@pytest.fixture(scope="module")
def ray(object_stores: ObjectStores) -> Iterator[Any]:
    """Its workers can reach the S3 server: they have the environment that it is started in."""
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in object_stores("s3").environment.items():
            patch.setenv(name, value)
        with ray_session(None) as connected:
            yield connected


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """19 images, two of which are the same, and one that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(19):
        pixels = np.random.default_rng(max(seed, 1)).integers(0, 256, (8, 8, 3), np.uint8)
        PIL.Image.fromarray(pixels).resize((32, 32)).save(folder / f"{seed:02}.png")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder
