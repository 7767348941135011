"""Every kind of index keeps the contract, whatever library it uses."""

import logging
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import MissingExtra, PluginError
from imagefinder.indexes.approximate import Approximate
from imagefinder.registry.factory import make_index
from imagefinder.registry.plugins import index_kinds, load
from imagefinder.similarity import normalized_for, scores
from imagefinder.testing.contracts import check_index
from imagefinder.types import Features, Index, Keys, Measure

DIM, ROWS = 32, 3000
KINDS = index_kinds()
APPROXIMATE = [kind for kind in KINDS if issubclass(load("indexes", kind), Approximate)]


def able(kinds: list[str]) -> list[tuple[str, Measure]]:
    return [(kind, measure) for kind in kinds for measure in load("indexes", kind).measures]


@pytest.mark.parametrize(("kind", "measure"), able(KINDS))
def test_every_index_keeps_the_contract(kind: str, measure: Measure, tmp_path: Path) -> None:
    check_index(lambda dim, measure: make_index(kind, dim, measure), measure, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_measure_that_a_kind_does_not_know_is_told_when_it_is_made(kind: str) -> None:
    for measure in set(get_args(Measure)) - set(load("indexes", kind).measures):
        with pytest.raises(PluginError, match="does not support"):
            make_index(kind, DIM, measure)


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_that_a_kind_does_not_know_is_told(kind: str) -> None:
    with pytest.raises(PluginError, match="its options"):
        make_index(kind, DIM, "cosine", {"color": "blue"})


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_library_that_is_missing_is_told_when_a_kind_is_chosen(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder._utils.extras.find_spec", lambda module: None)
    with pytest.raises(MissingExtra, match="pip install 'imagefinder"):
        make_index(kind, DIM, "cosine")


class World:
    """Rows in groups, as images are, and what brute force finds among them."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.rng = np.random.default_rng(3)
        self.keys = self.rng.permutation(10 * ROWS)[:ROWS].astype(np.int64)
        self.rows = self.some(ROWS)

    def some(self, count: int) -> Features:
        if self.measure == "hamming":
            middles = np.random.default_rng(5).integers(0, 256, (40, DIM), np.uint8)
            flips = self.rng.random((count, 8 * DIM)) < 0.1
            return middles[self.rng.integers(40, size=count)] ^ np.packbits(flips, axis=1)
        middles = np.random.default_rng(5).standard_normal((40, DIM))
        away = 0.4 * self.rng.standard_normal((count, DIM))
        return (middles[self.rng.integers(40, size=count)] + away).astype(np.float32)

    def recall(self, index: Index, k: int = 10, subset: Keys | None = None) -> float:
        queries = self.some(50)
        found = index.search(queries, k, subset)
        held = np.isin(self.keys, subset) if subset is not None else np.ones(len(self.keys), bool)
        keys = self.keys[held]
        every = scores(
            self.measure,
            normalized_for(self.measure, queries),
            normalized_for(self.measure, self.rows[held]),
        )
        wanted = min(k, len(keys))
        assert found.keys.shape == (50, wanted), "k results come back when k exist"
        assert (found.keys >= 0).all()
        hits = 0
        for line, its_scores, own in zip(found.keys, found.scores, every, strict=True):
            of_key = dict(zip(keys.tolist(), own.tolist(), strict=True))
            assert_allclose(
                [of_key[key] for key in line.tolist()], its_scores, rtol=1e-5, atol=1e-5
            )
            hits += (its_scores >= np.sort(own)[-wanted] - 1e-5).sum()
        return float(hits / found.keys.size)


def filled(kind: str, measure: Measure) -> tuple[World, Index]:
    world = World(measure)
    index = make_index(kind, DIM, measure)
    index.add(world.keys[:1000], world.rows[:1000])
    index.add(world.keys[1000:], world.rows[1000:])
    return world, index


@pytest.mark.parametrize(("kind", "measure"), able(APPROXIMATE))
def test_a_structure_follows_what_is_added_and_removed(
    kind: str, measure: Measure, tmp_path: Path
) -> None:
    world, index = filled(kind, measure)
    assert world.recall(index) == 1, "what is not saved yet is compared in full"
    index.save(tmp_path / "index")
    assert world.recall(index) > 0.9
    more, new = world.some(400), np.arange(50_000, 50_400)
    index.add(new, more)
    gone = world.keys[::3]
    index.remove(gone)
    stays = ~np.isin(world.keys, gone)
    world.keys = np.concatenate([world.keys[stays], new])
    world.rows = np.concatenate([world.rows[stays], more])
    assert_array_equal(index.keys, np.sort(world.keys))
    assert world.recall(index) > 0.9
    few = np.sort(world.keys)[:7]
    assert world.recall(index, subset=few) == 1, "fewer than k are all that there are"
    half = np.concatenate([world.keys[::2], [10**9]])
    assert world.recall(index, subset=half) == 1, "a choice is compared in full"
    index.save(tmp_path / "index")
    assert world.recall(index) > 0.9
    assert world.recall(index, k=len(world.keys)) > 0.9, "all of them, if so many are wanted"


@pytest.mark.parametrize(("kind", "measure"), able(KINDS))
def test_once_all_that_a_structure_covers_is_removed_it_proposes_nothing(
    kind: str, measure: Measure, tmp_path: Path
) -> None:
    world, index = filled(kind, measure)
    index.save(tmp_path / "index")
    again = make_index(kind, DIM, measure)
    again.load(tmp_path / "index")
    for one in (index, again):
        one.remove(world.keys)
        assert one.search(world.some(3), 5).keys.shape == (3, 0)
        assert one.search(world.some(1), 5, world.keys).keys.shape == (1, 0)
        new = world.some(20)
        one.add(np.arange(20), new)
        assert (one.search(new, 1).keys[:, 0] == np.arange(20)).mean() > 0.9
        one.save(tmp_path / "other")
        assert one.search(new, 50).keys.shape == (20, 20)


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_structure_comes_back_from_its_file_and_is_not_built_again(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, index = filled(kind, "cosine")
    index.save(tmp_path / "index")
    again = make_index(kind, DIM, world.measure)
    monkeypatch.setattr(load("indexes", kind), "_build", never)
    again.load(tmp_path / "index")
    queries = world.some(20)
    assert_array_equal(again.search(queries, 5).keys, index.search(queries, 5).keys)
    again.add(np.array([77_777]), queries[:1])
    assert again.search(queries[:1], 1).keys[0, 0] == 77_777


@pytest.mark.parametrize("kind", APPROXIMATE)
@pytest.mark.parametrize("ending", ["{kind}", "{kind}.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_a_damaged_structure_is_built_again(
    kind: str, tmp_path: Path, ending: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    world, index = filled(kind, "cosine")
    index.save(tmp_path / "index")
    spoil(tmp_path / f"index.{ending.format(kind=kind)}", damage)
    again = make_index(kind, DIM, world.measure)
    with caplog.at_level(logging.INFO):
        again.load(tmp_path / "index")
    assert "rebuilding" in caplog.text
    assert world.recall(again) > 0.9
    caplog.clear()
    make_index(kind, DIM, world.measure).load(tmp_path / "index")
    assert not caplog.text, "and saved"


def spoil(path: Path, damage: str) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    else:
        path.write_bytes(data[:middle] if damage == "cut" else b"")


def never(*_: Any) -> None:
    raise AssertionError("it is built although it was saved")
