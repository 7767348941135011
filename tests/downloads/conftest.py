"""A server, and images for it to serve."""

from collections.abc import Callable, Iterator
from io import BytesIO

import PIL.Image
import pytest

from ..conftest import drawn
from .server import Web, web

Jpeg = Callable[..., bytes]


@pytest.fixture
def served() -> Iterator[Web]:
    with web() as content:
        yield content


@pytest.fixture(scope="session")
def jpeg() -> Jpeg:
    """The bytes of another image for each seed."""

    def made(seed: int = 0, width: int = 40, height: int = 30, kind: str = "JPEG") -> bytes:
        with BytesIO() as file:
            PIL.Image.fromarray(drawn(seed, width, height)).save(file, kind)
            return file.getvalue()

    return made
