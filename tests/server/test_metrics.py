"""Metrics that several workers keep together."""

import errno
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import prometheus_client.values
import pytest
from starlette.types import Scope

from imagefinder.server.app import _ROUTERS
from imagefinder.server.metrics import Metrics, share_metrics
from imagefinder.server.shared_folder import SharedFolder

SCOPE: Scope = {"type": "http", "method": "GET", "route": None}
SEARCHES = 'imagefinder_requests_total{method="GET",route="other",status="200"}'


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedFolder]:
    values = prometheus_client.values
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    folder = SharedFolder(tmp_path)
    folder.prepare()
    yield folder
    values.close_all_multiprocess_files()  # type: ignore[no-untyped-call]


def worker(shared: SharedFolder, number: int) -> Metrics:
    """The metrics of a worker, in this process."""
    share_metrics(shared, number)
    metrics = Metrics(shared)
    metrics.watch_images(lambda: 12)
    return metrics


def values_of(metrics: Metrics) -> dict[str, float]:
    lines = metrics.render().decode().splitlines()
    parts = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in parts}


def test_what_is_counted_has_its_room_on_the_disk_before(shared: SharedFolder) -> None:
    metrics = worker(shared, 0)
    files = sorted(shared.path.glob("*.db"))
    before = {file.name: file.stat() for file in files}
    assert list(before) == ["counter_0.db", "gauge_livesum_0.db", "histogram_0.db"]
    for route in chain.from_iterable(router.routes for router in _ROUTERS):
        for status in (200, 304, 400, 401, 403, 404, 422, 500, 503):
            metrics.observe({"type": "http", "method": "POST", "route": route}, status, 0.1)
    for file in files:
        after = file.stat()
        assert after.st_size == before[file.name].st_size, "a larger file has pages without room"
        assert after.st_blocks * 512 >= after.st_size
        assert after.st_blocks == before[file.name].st_blocks


def test_room_is_kept_for_the_worker_that_takes_the_place(shared: SharedFolder) -> None:
    worker(shared, 0).running.inc()  # and is killed meanwhile
    before = {path.name: path.stat().st_ino for path in shared.path.glob("*.db")}
    shared.forget(0)
    assert {path.name: path.stat().st_ino for path in shared.path.glob("*.db")} == before
    assert values_of(worker(shared, 0))["imagefinder_requests_running"] == 0


def test_where_there_is_no_room_nothing_is_left_and_the_error_says_what_to_do(
    shared: SharedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"no space for temporary files in .*set TMPDIR"):
        share_metrics(shared, 0)
    assert list(shared.path.glob("*.db")) == []
    monkeypatch.setattr(Path, "write_bytes", full)
    shared.clients.unlink()
    with pytest.raises(OSError, match="free some, or set TMPDIR"):
        shared.prepare()


def test_any_worker_tells_the_metrics_of_all(shared: SharedFolder) -> None:
    one, two = worker(shared, 0), worker(shared, 1)
    one.observe(SCOPE, 200, 0.2)
    two.observe(SCOPE, 200, 0.3)
    two.observe(SCOPE, 200, 20)
    one.batch_size.observe(4)
    with one.running.track_inprogress(), two.running.track_inprogress():
        told = values_of(one)
        assert told == values_of(two) | {
            name: value for name, value in told.items() if name.startswith("process_")
        }
    assert told[SEARCHES] == 3
    assert told["imagefinder_requests_running"] == 2
    assert told["imagefinder_images"] == 12
    assert told['imagefinder_request_seconds_bucket{le="0.25",route="other"}'] == 1
    assert told['imagefinder_request_seconds_count{route="other"}'] == 3
    assert told['imagefinder_encoded_together_bucket{le="4.0"}'] == 1


def test_each_name_is_told_once(shared: SharedFolder) -> None:
    worker(shared, 0)
    lines = worker(shared, 1).render().decode().splitlines()
    kinds = [line for line in lines if line.startswith("# TYPE")]
    assert len(kinds) == len(set(kinds))


def test_memory_and_time_are_told_for_each_worker(shared: SharedFolder) -> None:
    worker(shared, 0)
    told = values_of(worker(shared, 1))
    if os.path.isdir("/proc/self"):
        name = "process_resident_memory_bytes"
        assert told[f'{name}{{worker="0"}}'] > 0
        assert told[f'{name}{{worker="1"}}'] > 0


def test_a_worker_that_ends_leaves_what_it_has_counted(shared: SharedFolder) -> None:
    one, two = worker(shared, 0), worker(shared, 1)
    one.observe(SCOPE, 200, 0.2)
    one.running.inc()  # it is killed in the middle of a request
    shared.forget(0)
    told = values_of(two)
    assert told[SEARCHES] == 1
    assert told["imagefinder_requests_running"] == 0
    assert not any('worker="0"' in name for name in told)
    again = worker(shared, 0)
    again.observe(SCOPE, 200, 0.2)
    assert values_of(again)[SEARCHES] == 2


def test_files_that_a_worker_has_just_begun_to_make_are_passed_over(shared: SharedFolder) -> None:
    before = worker(shared, 0)
    for name in ("counter_7.db", "gauge_livesum_7.db", "7.pid"):
        (shared.path / name).touch()
    assert values_of(before)
