"""Searches while other programs remove images: k hits come back while there are k images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from imagefinder import Finder
from imagefinder.registry.factory import make_extractor
from imagefinder.search.options import SearchKeywords
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Image, Record

from ..mean_color import Colours

IMAGES = 30


def noise(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    sift = make_extractor("sift", {"features": 40, "side": 64})
    with Finder.create(tmp_path / "c.db", Colours(), local=sift) as finder:
        assert finder.add([noise(seed) for seed in range(IMAGES)]).added == IMAGES
        yield finder


@pytest.fixture
def removals(finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Whenever records are looked up, so many of them are removed just before."""
    planned: list[int] = []
    get = SqliteStore.get
    other = SqliteStore.open(tmp_path / "c.db")

    def removed_before(store: SqliteStore, keys: Sequence[int]) -> dict[int, Record]:
        if planned:
            other.remove_images(list(keys)[: planned.pop(0)])
        return get(store, keys)

    monkeypatch.setattr(SqliteStore, "get", removed_before)
    return planned


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"measures": ("cosine", "l2")},
        {"rerank": "mutual"},
        {"rerank": "mutual", "shortlist": 5},
    ],
)
@pytest.mark.parametrize("counts", [[1], [8], [3, 3, 3], [1, 0, 8, 8]])
def test_others_take_the_place_of_images_that_are_removed_after_they_were_found(
    finder: Finder, removals: list[int], options: SearchKeywords, counts: list[int]
) -> None:
    removals.extend(counts)
    hits = finder.search(noise(3), 8, **options)
    assert len({hit.id for hit in hits}) == 8
    assert [hit.rank for hit in hits] == list(range(1, 9))
    left = set(finder.store.select().tolist())
    assert {hit.record.key for hit in hits} <= left


def test_the_last_images_are_all_that_come_back(finder: Finder, removals: list[int]) -> None:
    removals.extend([8, 16, 3])
    assert len(finder.search(noise(3), 8)) == len(finder.store) == 3


def test_what_is_removed_again_and_again_ends_the_search(
    finder: Finder, removals: list[int]
) -> None:
    removals.extend([1000] * 3)
    assert finder.search(noise(3), 8) == []
