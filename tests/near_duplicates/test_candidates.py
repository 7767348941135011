import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.near_duplicates import inverted_lists
from imagefinder.near_duplicates.candidates import candidate_search
from imagefinder.near_duplicates.int8_codes import Quantizer, products
from imagefinder.near_duplicates.nearest import Nearest
from imagefinder.similarity import scores
from imagefinder.types import Features, Measure

from .test_star_clustering import MEASURES, drawn


@pytest.mark.parametrize("measure", MEASURES)
@given(seed=st.integers(0, 1000), threshold=st.floats(0.01, 1), count=st.integers(1, 20))
def test_no_pair_that_reaches_a_score_is_below_the_least_product(
    measure: Measure, seed: int, threshold: float, count: int
) -> None:
    rows = drawn(measure, count, seed)
    quantizer = Quantizer.of(measure, rows)
    codes = quantizer.codes(rows)
    halves = quantizer.halves(codes)
    near = products(codes, codes) - halves - halves[:, None]
    reached = scores(measure, rows, rows) >= threshold
    assert (near[reached] >= quantizer.least_product(threshold)).all()


def test_rows_of_one_value_have_codes() -> None:
    rows = np.zeros((3, 4), np.float32)
    assert not Quantizer.of("cosine", rows).codes(rows).any()


@given(
    products=st.lists(
        st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=1, max_size=60
    ),
    step=st.integers(1, 60),
    k=st.integers(1, 5),
)
def test_the_k_best_of_all_that_come_in_steps(products: list[list[int]], step: int, k: int) -> None:
    given = np.array(products, np.int32)
    rows, queries = np.arange(len(given), dtype=np.int32), np.arange(3, dtype=np.int32)
    nearest = Nearest(np.zeros(3, np.int32), k)
    for start in range(0, len(given), step):
        nearest.add(given[start : start + step], queries, rows[start : start + step])
    found_queries, found_rows, full = nearest.best()
    for query in range(3):
        best = sorted((given[:, query][given[:, query] >= 0]).tolist(), reverse=True)
        found = given[found_rows[found_queries == query], query].tolist()
        assert found == best[:k]
        assert (query in full) == (len(best) >= k)


def spread(count: int) -> Features:
    """Rows that are spread as embeddings are: in groups of groups."""
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((20, 48))[rng.integers(20, size=count // 4)]
    narrow = wide + rng.standard_normal(wide.shape) * 0.7
    rows = np.tile(narrow, (4, 1)) + rng.standard_normal((count // 4 * 4, 48)) * 0.3
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_of_many_rows_few_lists_hold_nearly_all_neighbors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inverted_lists, "_EXACT", 1000)
    rows = spread(4000)
    one, other = np.nonzero(np.triu(rows @ rows.T >= 0.85, 1))
    with candidate_search("cosine", rows, 0.85) as search:
        assert len(search.lists.centroids.codes) == 126
        batches = list(search.pairs(20))
    low = np.concatenate([np.minimum(batch.rows, batch.others) for batch in batches])
    high = np.concatenate([np.maximum(batch.rows, batch.others) for batch in batches])
    found = np.isin(one * len(rows) + other, low.astype(np.int64) * len(rows) + high)
    assert len(found) > 3000
    assert found.mean() >= 0.99


def test_all_candidates_of_one_row() -> None:
    rows = np.concatenate([np.tile(np.eye(2, dtype=np.float32)[:1], (50, 1)), -np.eye(2)])
    rows = rows.astype(np.float32)
    with candidate_search("cosine", rows, 0.9) as search:
        assert sorted(search.near(rows[:1]).tolist()) == list(range(50))
