from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from imagefinder.catalogue.stages import Ingestion
from imagefinder.cluster.worker_pool import Shard
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
