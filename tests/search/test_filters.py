"""Searches among some of the images: chosen before the ranking, so that k come back."""

from pathlib import Path

import numpy as np
import pytest

from imagefinder import Ensemble, Finder
from imagefinder.errors import NotFound
from imagefinder.evaluation.index_benchmark import benchmark_indexes
from imagefinder.types import IndexChoice


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Finder:
    """Sixty images of noise; each knows its number, its parity and a word."""
    folder = tmp_path_factory.mktemp("filters")
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 256, (60, 24, 24, 3), np.uint8)
    finder = Finder.create(folder / "c.db", "classic")
    words = [{"number": n, "even": n % 2 == 0, "word": 'it\'s "so"'} for n in range(60)]
    assert finder.add(list(noise), metadata=words).added == 60
    return finder


def numbers(finder: Finder, k: int, **choice: object) -> list[int]:
    query = np.zeros((24, 24, 3), np.uint8)
    hits = finder.search(query, k, **choice)  # type: ignore[arg-type]
    return [hit.record.metadata["number"] for hit in hits]


def test_k_come_back_where_k_are_there(finder: Finder) -> None:
    every = numbers(finder, 60)
    even = numbers(finder, 25, where={"even": True})
    assert even == [number for number in every if number % 2 == 0][:25]
    assert numbers(finder, 5, where={"number": 17}) == [17]
    assert numbers(finder, 3, where={"number": 17, "even": True}) == []
    assert len(numbers(finder, 99, where={"word": 'it\'s "so"'})) == 60
    assert numbers(finder, 3, where={"unheard of": 1}) == []
    assert len(numbers(finder, 99, where={"unheard of": None})) == 60, "what is not there is none"


def test_an_empty_choice_says_why(finder: Finder) -> None:
    query = np.zeros((24, 24, 3), np.uint8)

    def detail(**choice: object) -> str | None:
        hits = finder.search(query, **choice)  # type: ignore[arg-type]
        assert (not hits) == (hits.detail is not None)
        return hits.detail

    assert detail(where={"number": {"lt": 3}}) is None
    assert detail(where={"number": {"gt": 99}}) == "no image has number>99"
    both = detail(where={"number": 17, "even": True})
    assert both == "no image has number=17 and even=true"
    unknown = detail(where={"Number": 17})
    assert unknown is not None
    assert unknown.startswith("no image has Number=17: none has metadata named 'Number', but")
    assert unknown.endswith("there are number, even, word")
    nowhere = detail(folders=["/nowhere"], where={"number": 1})
    assert nowhere == "no image in the catalogue is in /nowhere"
    assert "1 and" not in (detail(where={"x": {"ne": None}}) or "")


def test_an_ensemble_says_why_too(finder: Finder) -> None:
    query = np.zeros((24, 24, 3), np.uint8)
    hits = Ensemble([finder, finder]).search(query, where={"number": 99})
    assert (list(hits), hits.detail) == ([], "no image has number=99")


def test_a_threshold_is_a_number(finder: Finder) -> None:
    for threshold in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="finite"):
            finder.search(np.zeros((24, 24, 3), np.uint8), threshold=threshold)


def test_several_measures_keep_to_the_choice(finder: Finder) -> None:
    some = numbers(finder, 9, where={"even": False}, measures=["cosine", "l2"])
    assert len(some) == 9
    assert all(number % 2 for number in some)


def test_an_audit_leaves_out_what_it_asks_with(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    with Finder.create(tmp_path / "c.db", "classic") as few:
        few.add(list(rng.integers(0, 256, (99, 8, 8, 3), np.uint8)))
        with pytest.raises(NotFound, match="at least 100"):
            benchmark_indexes(few)
        few.add(rng.integers(0, 256, (8, 8, 3), np.uint8))
        exact, *others = benchmark_indexes(few, queries=5)
        assert (exact.choice.kind, dict(exact.recall)) == ("exact", {1: 1, 10: 1, 100: 1})
        assert {one.choice.kind for one in others} >= {"hnsw", "faiss", "kmeans"}
        assert all(one.recall == exact.recall for one in others if not one.failure)


def test_what_a_store_answers_itself_is_audited_where_it_is_in_use(tmp_path: Path) -> None:
    images = np.random.default_rng(2).integers(0, 256, (100, 8, 8, 3), np.uint8)
    with Finder.create(tmp_path / "c.db", "classic") as finder:
        finder.add(list(images))
        choice = IndexChoice("sqlite-vec")
        _, refused = benchmark_indexes(finder, [choice], queries=5)
        assert "imagefinder index build sqlite-vec" in refused.failure
        finder.use_index("sqlite-vec")
        exact, own = benchmark_indexes(finder, [choice], queries=5)
        assert own.recall == exact.recall
        assert (own.build_seconds, own.bytes) == (None, None)
        assert own.choice in [one.choice for one in benchmark_indexes(finder, queries=5)]
