"""Images, catalogues and servers for the end-to-end tests."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from ..conftest import MakeOnce
from .program import Run, answer, run_in, serving


@pytest.fixture(scope="session")
def images(gallery: Path) -> list[Path]:
    """The files of the gallery."""
    return sorted(gallery.rglob("*.jpg"))


@pytest.fixture(scope="session")
def catalogue(gallery: Path, make_once: MakeOnce) -> Path:
    """A catalogue of the gallery, which no test may alter."""

    def add(folder: Path) -> None:
        answer(run_in(folder, "add", gallery, "--db", "gallery.db", "--json"))

    return make_once("e2e-catalogue", add) / "gallery.db"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the program in the test's own folder."""
    return partial(run_in, tmp_path)


@pytest.fixture
def stocked(tmp_path: Path, catalogue: Path) -> Path:
    """The test's own catalogue of the gallery, where the program looks for one by itself."""
    return Path(shutil.copy(catalogue, tmp_path / "imagefinder.db"))


@pytest.fixture
def folder(tmp_path: Path, images: list[Path]) -> Path:
    """The test's own folder of three images: a.jpg, b.jpg and c.jpg."""
    mine = tmp_path / "folder"
    mine.mkdir()
    for name, image in zip(("a.jpg", "b.jpg", "c.jpg"), images[::50], strict=True):
        shutil.copy(image, mine / name)
    return mine


@pytest.fixture
def server(tmp_path: Path, stocked: Path) -> Iterator[httpx.Client]:
    """A client of a server of the test's own catalogue."""
    with serving(tmp_path, "--db", stocked) as client:
        yield client
