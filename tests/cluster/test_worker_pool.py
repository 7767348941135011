from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.catalogue.stages import Ingestion
from imagefinder.cluster.fetching import FetcherPool
from imagefinder.cluster.worker_pool import Shard, Starts, WorkerPool
from imagefinder.downloads.validators import NONE
from imagefinder.errors import ClusterError
from imagefinder.images.inputs import Input


def items(count: int) -> list[Ingestion]:
    return [Ingestion(Input(Path(f"{number}.png"))) for number in range(count)]


@given(st.integers(1, 70), st.data())
def test_a_shard_with_one_bad_image_loses_nothing_else(count: int, data: st.DataObject) -> None:
    everything = items(count)
    bad = data.draw(st.sampled_from(everything))
    waiting, done, losses = [Shard(everything)], list[Ingestion](), 0
    while waiting:
        shard = waiting.pop()
        if bad not in shard.items:
            done += shard.items
            continue
        losses += 1
        if shard.is_hopeless:
            assert list(shard.items) == [bad]
        else:
            waiting += shard.after_loss()
    assert sorted(item.given.name for item in done) == sorted(
        item.given.name for item in everything if item is not bad
    )
    assert losses <= 2 * (count.bit_length() + 1)


def test_a_shard_is_tried_again_as_it_is_first() -> None:
    (again,) = Shard(items(5)).after_loss()
    assert len(again.items) == 5
    assert [len(half.items) for half in again.after_loss()] == [3, 2]


def test_starts_may_fail_but_not_all_of_them() -> None:
    starts = Starts(2)
    for _ in range(9):
        starts.note_loss(RuntimeError("lost"))
        starts.note_success()
    for _ in range(6):
        starts.note_loss(RuntimeError("lost"))
    with pytest.raises(ClusterError, match=r"7 workers were lost before they began.*\(lost\)"):
        starts.note_loss(RuntimeError("it was\nlost"))


class Mortal:
    """Dies before it begins."""

    def begin(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_workers_that_never_begin_are_not_started_for_ever(ray: Any) -> None:
    actor = ray.remote(num_cpus=1, max_restarts=0)(Mortal)

    async def fetch() -> None:
        pool = FetcherPool(ray, actor.remote)
        pool.start(1)
        try:
            await pool.fetch("a", NONE)
        finally:
            pool.close()

    with pytest.raises(ClusterError, match="4 workers were lost before they began"):
        asyncio.run(fetch())
    with pytest.raises(ClusterError, match="4 workers were lost before they began"):
        list(WorkerPool(ray, actor.remote, 1).process([items(1)]))
