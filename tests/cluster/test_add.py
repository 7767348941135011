"""A real Ray on this machine, with two workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from imagefinder import Finder
from imagefinder.catalogue.stages import Ingestion
from imagefinder.cluster import ClusterOptions, add
from imagefinder.cluster.worker_pool import WorkerPool
from imagefinder.errors import ClusterError
from imagefinder.images.inputs import Input
from imagefinder.types import File

OPTIONS = ClusterOptions(workers=2, shard=4, shards_in_commit=2)


def contents(finder: Finder) -> dict[str, tuple[list[File], bytes]]:
    return {
        record.id: (sorted(record.files, key=lambda file: file.path), rows.tobytes())
        for record, rows in finder.store.iter_records()
    }


def test_a_cluster_stores_what_one_machine_does_and_nothing_twice(
    ray: Any, photos: Path, tmp_path: Path
) -> None:
    with Finder.create(tmp_path / "one.db", "phash") as one:
        one.add(photos)
        expected = contents(one)
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        report = add(finder, tmp_path / "c.db", photos, OPTIONS)
        assert (report.added, report.unchanged) == (19, 0)
        assert [Path(one.path).name for one in report.failed] == ["bad.jpg"]
        assert contents(finder) == expected
        again = add(finder, tmp_path / "c.db", photos, OPTIONS)
        assert (again.added, again.unchanged, len(finder)) == (0, 19, 18)


def test_without_anything_to_do_no_cluster_is_started(photos: Path, tmp_path: Path) -> None:
    (photos / "bad.jpg").unlink()
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(photos)
        nowhere = ClusterOptions(address="127.0.0.1:1")
        assert add(finder, tmp_path / "c.db", photos, nowhere).unchanged == 19


def test_workers_that_cannot_open_the_catalogue_say_so(
    ray: Any, photos: Path, tmp_path: Path
) -> None:
    with (
        Finder.create(tmp_path / "c.db", "phash") as finder,
        pytest.raises(ClusterError, match=r"a worker cannot begin: .*none\.db"),
    ):
        add(finder, tmp_path / "none.db", photos, OPTIONS)


def test_workers_find_a_catalogue_named_by_a_relative_path(
    ray: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # after Ray has begun elsewhere
    with Finder.create("c.db", "phash") as finder:
        assert add(finder, "c.db", "photos", OPTIONS).added == 19


def test_lost_workers_are_replaced_and_a_bad_image_stops_no_other(ray: Any, tmp_path: Path) -> None:
    class Mortal:
        """Dies with ``bad``, and once with ``unlucky``."""

        def begin(self) -> None:
            pass

        def process(self, shard: Sequence[Ingestion]) -> list[Ingestion]:
            for item in shard:
                once = tmp_path / "once"
                unlucky = item.given.name == "unlucky" and not once.exists()
                if unlucky:
                    once.touch()
                if unlucky or item.given.name == "bad":
                    os.kill(os.getpid(), signal.SIGKILL)
            return list(shard)

    names = [*map(str, range(9)), "unlucky", *map(str, range(10, 17)), "bad"]
    shards = [[Ingestion(Input(Path(name))) for name in names[i : i + 6]] for i in range(0, 18, 6)]
    actor = ray.remote(num_cpus=1, max_restarts=0)(Mortal)
    done = [item for shard in WorkerPool(ray, actor.remote, 2).process(shards) for item in shard]
    assert sorted(item.given.name for item in done) == sorted(names)
    assert [item.given.name for item in done if item.failure] == ["bad"]
