"""Rows become pictures and rankings become one, whatever order they come in."""

from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.ranking import vote
from imagefinder.types import Neighbors

Row = list[tuple[int, float]]
"""(key, score) of one query row."""

SCORES = st.floats(0, 1, width=32)
ROWS = st.lists(st.lists(st.tuples(st.integers(0, 6), SCORES), max_size=6), min_size=1, max_size=5)
RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=8), max_size=5)


def neighbors(rows: list[Row]) -> Neighbors:
    """As a store gives them: best first, and filled up with -1 where fewer were found."""
    width = max((len(row) for row in rows), default=0)
    keys = np.full((len(rows), width), -1, np.int64)
    scores = np.full((len(rows), width), -np.inf, np.float32)
    for line, row in enumerate(rows):
        for place, (key, score) in enumerate(sorted(row, key=lambda pair: (-pair[1], pair[0]))):
            keys[line, place], scores[line, place] = key, score
    return Neighbors(keys, scores)


def test_with_one_query_row_the_vote_is_plain_similarity() -> None:
    assert vote(neighbors([[(7, 0.5), (3, 0.75), (9, 0.25)]])) == [(3, 0.75), (7, 0.5), (9, 0.25)]


def test_a_picture_counts_with_its_best_row_only() -> None:
    assert vote(neighbors([[(7, 0.25), (7, 0.5), (3, 0.375)]])) == [(7, 0.5), (3, 0.375)]


def test_a_picture_gets_the_mean_over_all_query_rows() -> None:
    rows: list[Row] = [[(1, 1.0), (2, 0.5)], [(2, 0.75)]]
    assert vote(neighbors(rows)) == [(2, 0.625), (1, 0.5)]


def test_equal_votes_are_in_order_of_their_keys() -> None:
    assert [key for key, _ in vote(neighbors([[(9, 0.5), (4, 0.5), (6, 0.5)]]))] == [4, 6, 9]


def test_places_where_nothing_was_found_do_not_count() -> None:
    assert vote(neighbors([[], [(5, 0.5)]])) == [(5, 0.25)]
    assert vote(neighbors([[], []])) == []


def test_no_query_rows_give_no_ranking() -> None:
    assert vote(Neighbors(np.empty((0, 3), np.int64), np.empty((0, 3), np.float32))) == []
    assert vote(Neighbors(np.empty((2, 0), np.int64), np.empty((2, 0), np.float32))) == []


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_query_rows_does_not_matter(rows: list[Row], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert vote(neighbors(shuffled)) == vote(neighbors(rows))


@given(ROWS)
def test_every_picture_found_is_ranked_once_best_first(rows: list[Row]) -> None:
    ranking = vote(neighbors(rows))
    assert {key for key, _ in ranking} == {key for row in rows for key, _ in row}
    assert len(ranking) == len({key for key, _ in ranking})
    assert [score for _, score in ranking] == sorted((s for _, s in ranking), reverse=True)


@given(ROWS)
def test_the_vote_is_the_mean_of_the_best(rows: list[Row]) -> None:
    for key, score in vote(neighbors(rows)):
        best = [max((s for k, s in row if k == key), default=0.0) for row in rows]
        assert score == pytest.approx(sum(best) / len(rows))


def test_fusing_adds_one_over_sixty_and_the_rank() -> None:
    assert fuse([[1, 2], [2, 3]]) == [(2, 1 / 62 + 1 / 61), (1, 1 / 61), (3, 1 / 62)]


def test_the_constant_says_how_much_the_first_places_count() -> None:
    rankings = [[1, 2], [3, 2]]
    assert fuse(rankings, constant=0)[:2] == [(1, 1.0), (2, 1.0)]
    assert fuse(rankings)[0][0] == 2


def test_one_ranking_stays_as_it_is_and_none_gives_none() -> None:
    assert [key for key, _ in fuse([[5, 1, 3]])] == [5, 1, 3]
    assert fuse([]) == fuse([[], []]) == []


@given(RANKINGS)
def test_the_order_of_the_rankings_does_not_matter(rankings: list[list[int]]) -> None:
    fused = fuse(rankings)
    assert all(fuse(order) == fused for order in permutations(rankings))
    assert {key for key, _ in fused} == {key for ranking in rankings for key in ranking}


@given(RANKINGS)
def test_gaining_a_place_never_costs_a_picture(rankings: list[list[int]]) -> None:
    for number, ranking in enumerate(rankings):
        if len(ranking) > 1:
            raised = [*rankings]
            raised[number] = [ranking[-1], *ranking[:-1]]
            assert dict(fuse(raised))[ranking[-1]] >= dict(fuse(rankings))[ranking[-1]]
