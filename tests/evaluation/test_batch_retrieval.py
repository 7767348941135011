"""What is measured is what ``search`` finds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from imagefinder import Finder
from imagefinder.evaluation.batch_retrieval import BatchRetriever, RankedList
from imagefinder.evaluation.ground_truth import EvalQuery
from imagefinder.types import Encoder, Failure

from .conftest import Catalogue, Grey, Halves, paint


def painted(count: int) -> dict[str, tuple[int, ...]]:
    """Images of two stripes, some alike."""
    rng = np.random.default_rng(5)
    return {f"{n}.png": tuple(rng.integers(0, 9, 2).tolist()) for n in range(count)}


def searched(finder: Finder, given: str, depth: int, **options: Any) -> list[str]:
    """The ids that ``search`` finds, without the query's own."""
    hits = finder.search(given, k=len(finder), **options)
    return [hit.id for hit in hits if hit.id != given][:depth]


@pytest.mark.parametrize("encoder", [Grey(), Halves(), "phash"], ids=str)
@pytest.mark.parametrize("depth", [3, 200])
def test_stored_images_find_what_search_finds(
    encoder: Encoder | str, depth: int, catalogue: Catalogue
) -> None:
    finder = catalogue(painted(60), encoder)
    keys = finder.store.select().tolist()
    rankings = BatchRetriever(finder, depth)([EvalQuery((), key=key) for key in keys])
    for key, one in zip(keys, rankings, strict=True):
        assert isinstance(one, RankedList)
        found = [f"{other:016x}" for other in one.keys.tolist()]
        assert found == searched(finder, f"{key:016x}", depth)
        assert (np.diff(one.scores) <= 0).all()


def test_many_at_a_time_score_as_one_does_but_for_rounding(catalogue: Catalogue) -> None:
    finder = catalogue(painted(30), "classic")
    questions = [EvalQuery((), key=key) for key in finder.store.select().tolist()]
    for one in BatchRetriever(finder, 40)(questions):
        assert isinstance(one, RankedList)
        hits = finder.search(f"{one.query.key:016x}", k=40)
        scores = [hit.score for hit in hits if hit.record.key != one.query.key]
        assert_allclose(one.scores, scores, atol=1e-6)


@pytest.mark.parametrize("measures", [("dot",), ("l2", "dot")])
def test_other_measures_are_those_of_search(measures: Any, catalogue: Catalogue) -> None:
    finder = catalogue(painted(20))
    key = finder.store.select().tolist()[3]
    (one,) = BatchRetriever(finder, 7, measures)([EvalQuery((), key=key)])
    assert isinstance(one, RankedList)
    found = [f"{other:016x}" for other in one.keys.tolist()]
    assert found == searched(finder, f"{key:016x}", 7, measures=measures)


def test_an_image_finds_itself_before_others_that_look_the_same(catalogue: Catalogue) -> None:
    finder = catalogue({f"{n}.png": (50,) * (n + 1) for n in range(6)})
    keys = finder.store.select().tolist()
    rankings = BatchRetriever(finder, 2)([EvalQuery((), key=key) for key in keys])
    assert [one.own_position for one in rankings if isinstance(one, RankedList)] == [0] * 6


def test_by_a_product_an_image_may_find_itself_late(catalogue: Catalogue, tmp_path: Path) -> None:
    finder = catalogue({f"{n}.png": (n * 10,) for n in range(1, 6)})
    own = finder.search(tmp_path / "stored" / "3.png", k=1)[0].record.key
    (one,) = BatchRetriever(finder, 9, ("dot",))([EvalQuery((), key=own)])
    assert isinstance(one, RankedList)
    assert one.own_position == 2


def test_a_file_is_searched_with_and_a_bad_one_is_a_failure(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    finder = catalogue({"a/1.png": (10,), "a/2.png": (20,), "b/1.png": (200,)})
    query = str(paint(tmp_path / "query.png", 21))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    one, failure, gone = BatchRetriever(finder, 2)(
        [EvalQuery((), path=query), EvalQuery((), path=str(bad)), EvalQuery((), key=7)]
    )
    assert isinstance(one, RankedList)
    assert one.own_position == -1
    assert [f"{key:016x}" for key in one.keys] == searched(finder, query, 2)
    assert isinstance(failure, Failure)
    assert failure.path == str(bad)
    assert failure.reason.startswith("not an image in a supported format")
    assert isinstance(gone, Failure)
