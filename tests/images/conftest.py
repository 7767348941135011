"""A photograph in memory."""

from pathlib import Path

import PIL.Image
import pytest


@pytest.fixture(scope="session")
def photograph(assets: Path) -> PIL.Image.Image:
    paths = sorted((assets / "data/grocery/test").rglob("*.jpg"))
    with PIL.Image.open(paths[296 % len(paths)]) as image:
        return image.convert("RGB").resize((400, 304))
