"""Indexes in the dataset: audited before they are used, filtered without losses, never stale."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagefinder.errors import PluginError
from imagefinder.registry.factory import check_index_choice
from imagefinder.stores.lance.store import LanceStore
from imagefinder.stores.lance.vector_index import names_of
from imagefinder.testing.contracts.samples import record_of
from imagefinder.types import Entry, Features, IndexChoice, Measure, Recipe, Store

DIM, IMAGES = 16, 2000
KINDS = ["lance-ivf-pq", "lance-ivf-rq"]
PARTITIONS = {"num_partitions": 8, "nprobes": 6}

pytestmark = pytest.mark.usefixtures("caches")


def vectors(count: int, seed: int) -> Features:
    """In clusters, as embeddings are."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).standard_normal((20, DIM))
    near = centers[rng.integers(0, 20, count)] + 0.3 * rng.standard_normal((count, DIM))
    return near.astype(np.float32)


def entries(count: int, seed: int = 0) -> list[Entry]:
    return [
        Entry(record_of(f"/{seed}/{number}"), one[None], {"n": number})
        for number, one in enumerate(vectors(count, seed))
    ]


def filled(folder: Path, measure: Measure, images: int = IMAGES) -> LanceStore:
    store = LanceStore.create(folder / "c.lance", Recipe("test", {}, DIM, measure))
    store.write(entries(images))
    return store


def recall(store: Store, seed: int = 5) -> float:
    queries = vectors(30, seed)
    found = store.search(queries, 10).keys.tolist()
    subset = store.select()  # of all images, which are compared one by one
    wanted = store.search(queries, 10, None, subset).keys.tolist()
    pairs = zip(found, wanted, strict=True)
    return float(np.mean([len(set(own) & set(right)) / 10 for own, right in pairs]))


@pytest.mark.parametrize(
    ("kind", "measure"),
    [("lance-ivf-pq", "cosine"), ("lance-ivf-rq", "l2"), ("lance-ivf-rq", "dot")],
)
def test_it_finds_what_is_near_and_what_came_later(
    kind: str, measure: Measure, tmp_path: Path
) -> None:
    with closing(filled(tmp_path, measure)) as store:
        store.use_index(IndexChoice(kind, PARTITIONS))
        assert recall(store) > 0.9
        late, *others = entries(50, seed=1)
        store.write([late, *others])
        assert late.features is not None
        if measure != "dot":
            assert store.search(late.features, 1).keys[0, 0] == late.record.key, "at once"
        gone = store.select(["/0"], {"n": {"lt": 500}})
        assert store.remove_images(gone.tolist()) == 500
        found = store.search(vectors(20, 3), 50).keys
        assert not np.isin(found, gone).any(), "and nothing that is gone"
        assert recall(store) > 0.9
        store.vacuum()
        assert recall(store) > 0.9
    with closing(LanceStore.open(tmp_path / "c.lance")) as store:
        options = store.index.options
        assert store.index.kind == kind
        assert {**options, **PARTITIONS} == options, "and all others, as numbers"
        assert options["refine_factor"] == 40
        assert recall(store) > 0.9


def test_a_vacuum_makes_new_vectors_a_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unindexed(store: LanceStore) -> int:
        dataset = store._table.newest(now=True)
        (name,) = names_of(dataset)
        return int(dataset.stats.index_stats(name)["num_unindexed_rows"])

    with closing(filled(tmp_path, "cosine")) as store:
        store.use_index(IndexChoice("lance-ivf-rq", PARTITIONS))
        monkeypatch.setattr("imagefinder.stores.lance.vector_index._LEAST", 100)
        store.write(entries(200, seed=1))
        assert unindexed(store) == 200
        store.vacuum()
        assert unindexed(store) == 0
        assert recall(store) > 0.9
        store.write(entries(4000, seed=2))
        assert recall(store) > 0.9
        store.vacuum()
        assert "run imagefinder index build again" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_filters_leave_as_many_as_there_are(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder.stores.lance.vector_index._SMALL", 0)
    monkeypatch.setattr("imagefinder.stores.lance.scope._FEW", 20)
    with closing(filled(tmp_path, "cosine")) as store:
        store.use_index(IndexChoice(kind, {"num_partitions": 8, "nprobes": 1, "min_recall": 0}))
        for count in (1, 10, 300, 1500):
            subset = store.select(where={"n": {"lt": count}})
            found = store.search(vectors(3, 7), 10, None, subset).keys
            assert found.shape == (3, min(count, 10))
            assert np.isin(found, subset).all()


def test_an_index_that_finds_too_little_is_not_used(tmp_path: Path) -> None:
    with closing(filled(tmp_path, "cosine")) as store:
        good = IndexChoice("lance-ivf-rq", {**PARTITIONS, "nprobes": 8})
        store.use_index(good)
        before, found = store.index, store.search(vectors(9, 8), 10).keys
        poor = {"num_partitions": 64, "nprobes": 1, "refine_factor": 1, "min_recall": 0.99}
        with pytest.raises(PluginError, match=r"finds 0\.\d+ of the 10 nearest.*raise nprobes"):
            store.use_index(IndexChoice("lance-ivf-pq", {**poor, "num_sub_vectors": 1}))
        assert store.index == before
        assert (store.search(vectors(9, 8), 10).keys == found).all()
        assert len(names_of(store._table.newest())) == 1
        store.use_index(IndexChoice("lance-ivf-pq", PARTITIONS))
        store.use_index(IndexChoice("exact"))
        assert names_of(store._table.newest()) == []


def test_an_audit_counts_what_the_index_alone_finds(tmp_path: Path) -> None:
    with closing(filled(tmp_path, "cosine")) as store:
        tiny = {"num_partitions": 500, "nprobes": 1}  # of four vectors, so no search finds ten
        with pytest.raises(PluginError, match=r"finds 0\.[0-3]"):
            store.use_index(IndexChoice("lance-ivf-rq", tiny))


def test_few_vectors_need_no_index(tmp_path: Path) -> None:
    with closing(filled(tmp_path, "cosine", images=30)) as store:
        with pytest.raises(PluginError, match="30 vectors are too few"):
            store.use_index(IndexChoice("lance-ivf-rq"))
        with closing(LanceStore.open(tmp_path / "c.lance", IndexChoice("lance-ivf-rq"))) as other:
            assert other.search(vectors(2, 1), 40).keys.shape == (2, 30), "without one"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("lance-ivf-pq", {"num_sub_vectors": 7}, "must divide the 16 dimensions"),
        ("lance-ivf-rq", {"num_bits": 0}, "num_bits must be from 1 to 8"),
        ("lance-ivf-rq", {"refine_factor": 0}, "refine_factor must be at least 1"),
        ("lance-ivf-rq", {"nprobes": 9, "num_partitions": 3}, "as many num_partitions"),
        ("lance-ivf-pq", {"min_recall": 2}, "from 0 to 1"),
        ("lance-ivf-pq", {"nothing": 2}, "its options"),
    ],
)
def test_options_out_of_range_are_refused(
    kind: str, options: dict[str, float], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        check_index_choice(IndexChoice(kind, options), DIM, "cosine")


def test_other_stores_do_not_have_it(tmp_path: Path) -> None:
    recipe = Recipe("test", {}, DIM, "hamming")
    with pytest.raises(PluginError, match="does not support hamming"):
        LanceStore.create(tmp_path / "c.lance", replace(recipe), IndexChoice("lance-ivf-rq"))
