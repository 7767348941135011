"""Programs that write at the same time, and one that is killed: nothing is lost or stored twice."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest
from lance import LanceDataset

from imagefinder.errors import DiskFull, StoreError
from imagefinder.stores.lance.store import LanceStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Recipe

from ...conftest import ObjectStores, led_to
from ...object_store import KINDS
from .writer import DIM, IMAGES

RECIPE = Recipe("test", {}, DIM, "cosine")
BATCHES = 4
PROGRAM = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).parents[3]
NAMES = ("anna", "ben", "clara")

pytestmark = pytest.mark.usefixtures("caches")


@pytest.fixture(params=["folder", *KINDS])
def address(
    request: pytest.FixtureRequest,
    object_stores: ObjectStores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    if request.param == "folder":
        made = str(tmp_path / "c.lance")
    else:
        made = f"{led_to(object_stores(request.param), monkeypatch).bucket()}/catalogue"
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


def test_a_lost_answer_does_not_write_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = LanceDataset.commit

    def losing(*given: Any) -> NoReturn:
        commit(*given)
        raise OSError("the connection broke off")

    with closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store:
        monkeypatch.setattr(LanceDataset, "commit", losing)
        assert store.write(random_entries(3, DIM)) == ["added"] * 3
        monkeypatch.undo()
        assert len(store) == 3
        assert store.version == 2


def test_a_commit_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> NoReturn:
        raise OSError("No space left on device")

    with closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store:
        monkeypatch.setattr(LanceDataset, "commit", failing)
        with pytest.raises(DiskFull, match="nothing stored is lost"):
            store.write(random_entries(3, DIM))
        monkeypatch.undo()
        assert len(store) == 0
        assert store.write(random_entries(3, DIM)) == ["added"] * 3


def test_small_batches_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.stores.lance.maintenance._MANY", 4)
    with closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store:
        for batch in range(12):
            assert store.write(random_entries(3, DIM, first=3 * batch)) == ["added"] * 3
        assert store.write(random_entries(36, DIM)) == ["unchanged"] * 36
        assert len(store._table.newest().get_fragments()) < 8
        assert store.remove_images(store.select(limit=10).tolist()) == 10
        assert len(store) == 26
        query = random_entries(1, DIM)[0].features
        assert query is not None
        assert store.search(query, 99).keys.shape[1] == 26
        store.vacuum()
        assert len(store._table.newest().get_fragments()) == 1
    assert LanceStore.check(tmp_path / "c.lance") == []


def test_damage_is_found(tmp_path: Path) -> None:
    with closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store:
        store.write(random_entries(30, DIM))
    (data,) = (tmp_path / "c.lance" / "data").iterdir()
    data.write_bytes(data.read_bytes()[:100])
    (damage,) = LanceStore.check(tmp_path / "c.lance")
    assert damage.what.startswith("the column")


def test_another_catalogue_in_its_place_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "c.lance"
    with closing(LanceStore.create(place, RECIPE)) as store:
        place.rename(tmp_path / "moved.lance")
        with closing(LanceStore.create(place, RECIPE)) as another:
            another.write(random_entries(2, DIM))
            with pytest.raises(StoreError, match="another catalogue by now"):
                len(store)
