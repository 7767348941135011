"""Figures of merit, against their reference implementations and what can be worked out by hand."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, ndcg_score, precision_recall_fscore_support

from imagefinder.evaluation import metrics
from imagefinder.evaluation.metrics import Counts, Relevance

KS = (1, 3, 10)


class Queries(NamedTuple):
    relevant: Relevance
    counts: Counts

    @property
    def own(self) -> np.ndarray:
        return np.full(len(self.relevant), -1)


@st.composite
def queries(draw: st.DrawFn) -> Queries:
    """Rankings of up to 30 places, beyond which more that is relevant may lie."""
    places = draw(st.integers(1, 30))
    line = st.lists(st.booleans(), min_size=places, max_size=places)
    relevant = np.array(draw(st.lists(line, min_size=1, max_size=4)))
    beyond = draw(st.lists(st.integers(0, 5), min_size=len(relevant), max_size=len(relevant)))
    return Queries(relevant, np.maximum(1, relevant.sum(axis=1) + beyond))


def drawn(seed: int, places: int = 40) -> Queries:
    """Whole rankings, each with something to find."""
    relevant = np.random.default_rng(seed).random((20, places)) < 0.2
    relevant[:, -1] = True
    return Queries(relevant, relevant.sum(axis=1))


def judged_by_trec(asked: Queries, measures: set[str]) -> Iterator[dict[str, float]]:
    """trec_eval's own figures of each query."""
    for line, count in zip(asked.relevant, asked.counts, strict=True):
        qrel = {f"d{place}": int(here) for place, here in enumerate(line)}
        qrel |= {f"beyond{n}": 1 for n in range(count - line.sum())}
        run = {f"d{place}": float(-place) for place in range(len(line))}
        yield pytrec_eval.RelevanceEvaluator({"q": qrel}, measures).evaluate({"q": run})["q"]


@given(queries())
def test_all_but_the_ns_score_are_those_of_trec_eval(asked: Queries) -> None:
    relevant, counts = asked
    ours = {
        "map": metrics.average_precision(relevant, counts),
        "ndcg": metrics.ndcg(relevant, counts),
        "Rprec": metrics.r_precision(relevant, counts),
        "recip_rank": metrics.reciprocal_rank(relevant),
        **{f"P_{k}": metrics.precision(relevant, k) for k in KS},
        **{f"recall_{k}": metrics.recall(relevant, counts, k) for k in KS},
        **{f"ndcg_cut_{k}": metrics.ndcg(relevant, counts, k) for k in KS},
    }
    cuts = ",".join(map(str, KS))
    wanted = {"map", "ndcg", "Rprec", "recip_rank", f"P.{cuts}", f"recall.{cuts}"}
    for query, theirs in enumerate(judged_by_trec(asked, {*wanted, f"ndcg_cut.{cuts}"})):
        for name, values in ours.items():
            assert values[query] == pytest.approx(theirs[name]), name


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_interpolated_precision_is_that_of_trec_eval(count: int) -> None:
    relevant = np.zeros((10, 30), bool)
    rng = np.random.default_rng(count)
    for line in relevant:
        line[rng.choice(30, count - (count > 3), replace=False)] = True
    counts = np.full(len(relevant), count)
    ours = metrics.interpolated_precision(relevant, counts, 10)
    for query, theirs in enumerate(judged_by_trec(Queries(relevant, counts), {"iprec_at_recall"})):
        levels = [theirs[f"iprec_at_recall_{level / 10:.2f}"] for level in range(11)]
        assert_allclose(ours[query], levels, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_whole_rankings_are_judged_as_scikit_learn_judges_them(seed: int) -> None:
    relevant, counts = drawn(seed)
    scores = -np.arange(relevant.shape[1], dtype=float)
    precisions = metrics.average_precision(relevant, counts)
    for line, precision in zip(relevant, precisions, strict=True):
        assert precision == pytest.approx(average_precision_score(line, scores))
    every = np.broadcast_to(scores, relevant.shape)
    for k in (*KS, None):
        mean = metrics.ndcg(relevant, counts, k).mean()
        assert mean == pytest.approx(ndcg_score(relevant, every, k=k))


@pytest.mark.parametrize("k", KS)
def test_precision_recall_and_f1_are_those_of_scikit_learn(k: int) -> None:
    relevant, counts = drawn(k)
    found = np.arange(relevant.shape[1]) < k
    ours = np.stack(
        [
            metrics.precision(relevant, k),
            metrics.recall(relevant, counts, k),
            metrics.f1(relevant, counts, k),
        ]
    )
    for query, line in enumerate(relevant):
        theirs = precision_recall_fscore_support(line, found, average="binary", zero_division=0)
        assert_allclose(ours[:, query], theirs[:3])


@given(queries())
def test_every_figure_lies_between_nothing_and_all(asked: Queries) -> None:
    values = metrics.values(*asked, asked.own, KS)
    most = np.array([4 if name == "N-S" else 1 for name in metrics.names(KS)])
    assert values.shape == (len(asked.relevant), len(most))
    assert (values >= 0).all()
    assert (values <= most + 1e-12).all()


@given(queries())
def test_each_query_is_judged_by_itself(asked: Queries) -> None:
    values = metrics.values(*asked, asked.own, KS)
    for query, row in enumerate(values):
        alone = Queries(asked.relevant[[query]], asked.counts[[query]])
        assert_allclose(metrics.values(*alone, alone.own, KS)[0], row)


@given(queries())
def test_places_without_hits_behind_a_ranking_change_nothing(asked: Queries) -> None:
    padded = Queries(np.pad(asked.relevant, ((0, 0), (0, 5))), asked.counts)
    assert_allclose(metrics.values(*padded, padded.own, KS), metrics.values(*asked, asked.own, KS))
    assert_allclose(
        metrics.interpolated_precision(*padded, 10), metrics.interpolated_precision(*asked, 10)
    )


@given(queries(), st.integers(1, 29))
def test_a_relevant_image_one_place_higher_makes_nothing_worse(asked: Queries, place: int) -> None:
    better = asked.relevant.copy()
    better[:, place - 1 : place + 1].sort(axis=1)
    better[:, place - 1 : place + 1] = better[:, place - 1 : place + 1][:, ::-1]
    before = metrics.values(*asked, asked.own, KS)
    after = metrics.values(better, asked.counts, asked.own, KS)
    assert (after >= before - 1e-12).all()


def test_a_perfect_ranking_reaches_all() -> None:
    relevant = np.array([[True] * 5 + [False] * 3])
    values = metrics.values(relevant, np.array([5]), np.array([0]), (5,))
    assert_allclose(values[0], [4 if name == "N-S" else 1 for name in metrics.names((5,))])
    assert_allclose(metrics.interpolated_precision(relevant, np.array([5]), 10), 1)


def test_an_empty_ranking_reaches_nothing() -> None:
    nothing = Queries(np.empty((2, 0), bool), np.array([1, 3]))
    assert not metrics.values(*nothing, nothing.own, KS).any()
    assert not metrics.interpolated_precision(*nothing, 10).any()


def test_average_precision_is_the_mean_precision_at_the_relevant_places() -> None:
    relevant = np.array([[True, False, True, False], [False, True, False, False]])
    precision = metrics.average_precision(relevant, np.array([2, 2]))
    assert precision == pytest.approx([(1 + 2 / 3) / 2, 1 / 4])  # one is nowhere to be found


def test_the_ns_score_counts_the_query_where_it_was_found() -> None:
    relevant = np.array([[True, True, False, True]] * 5)
    own = np.array([0, 3, 4, -1, 1])
    # the fourth place is taken by the query itself, unless that comes later or is not stored
    assert metrics.ns_score(relevant, own).tolist() == [3, 3, 3, 3, 3]
    relevant[:, 3] = False
    assert metrics.ns_score(relevant, own).tolist() == [3, 3, 2, 2, 3]
