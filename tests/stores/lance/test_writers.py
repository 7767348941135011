"""Programs that write at the same time, and one that is killed: nothing is lost or stored twice."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from imagefinder.errors import StoreError
from imagefinder.stores.lance.store import LanceStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Recipe

from ...object_store import ObjectStore
from .writer import DIM, IMAGES

RECIPE = Recipe("test", {}, DIM, "cosine")
BATCHES = 4
PROGRAM = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).parents[3]
NAMES = ("anna", "ben", "clara")

pytestmark = pytest.mark.usefixtures("caches")


@pytest.fixture(params=["folder", "bucket"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        made = str(tmp_path / "c.lance")
    else:
        store: ObjectStore = request.getfixturevalue("object_store")
        made = f"{store.bucket()}/catalogue"
    LanceStore.create(made, RECIPE).close()
    yield made


def writing(address: str, name: str, batches: int) -> "subprocess.Popen[str]":
    words = [sys.executable, str(PROGRAM), address, name, str(batches)]
    paths = [str(ROOT), *filter(None, sys.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


def test_writers_at_a_time_lose_nothing(address: str) -> None:
    programs = [writing(address, name, BATCHES) for name in NAMES]
    said = [program.communicate()[0].split() for program in programs]
    assert [words[-1] for words in said] == [str(BATCHES * IMAGES)] * len(NAMES)
    with closing(LanceStore.open(address)) as store:
        assert len(store) == BATCHES * IMAGES + len(NAMES) * BATCHES
        for name in NAMES:
            assert len(list(store.iter_paths(f"/of/{name}"))) == BATCHES * IMAGES
        assert len(store.lookup_paths(["/contested"])) == 1
        assert store.statistics().files == (1 + len(NAMES)) * BATCHES * IMAGES + (
            len(NAMES) * BATCHES + 1
        )
    assert LanceStore.check(address) == []


def test_a_killed_writer_loses_nothing_that_it_reported(address: str) -> None:
    with writing(address, "anna", 10_000) as program:
        assert program.stdout is not None
        said = [program.stdout.readline() for _ in range(3)]
        program.kill()
        reported = int([*said, *program.stdout][-1])
    with closing(LanceStore.open(address)) as store:
        images = len(list(store.iter_paths("/same")))
        assert images >= reported
        assert images % IMAGES == 0, "whole batches"
        assert store.write(random_entries(1, DIM, first=10**6)) == ["added"]
    assert LanceStore.check(address) == []


def test_two_programs_do_not_replace_each_others_texts(address: str) -> None:
    with closing(LanceStore.open(address)) as one, closing(LanceStore.open(address)) as other:
        assert one.replace_metadata("note", None, "one")
        assert not other.replace_metadata("note", None, "other")
        assert other.get_metadata("note") == "one"


def test_another_catalogue_in_its_place_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "c.lance"
    with closing(LanceStore.create(place, RECIPE)) as store:
        place.rename(tmp_path / "moved.lance")
        with closing(LanceStore.create(place, RECIPE)) as another:
            another.write(random_entries(2, DIM))
            with pytest.raises(StoreError, match="another catalogue by now"):
                len(store)
