"""Rows become images and rankings become one, whatever order they come in."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.search.ranking import maxsim
from imagefinder.types import Neighbors

Row = list[tuple[int, float]]
"""(key, score) of one query row."""

SCORES = st.floats(0, 1, width=32)
ROWS = st.lists(st.lists(st.tuples(st.integers(0, 6), SCORES), max_size=6), min_size=1, max_size=5)


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
    assert maxsim(neighbors([[(7, 0.5), (3, 0.75), (9, 0.25)]])) == [(3, 0.75), (7, 0.5), (9, 0.25)]


def test_an_image_counts_with_its_best_row_only() -> None:
    assert maxsim(neighbors([[(7, 0.25), (7, 0.5), (3, 0.375)]])) == [(7, 0.5), (3, 0.375)]


def test_an_image_gets_the_mean_over_all_query_rows() -> None:
    rows: list[Row] = [[(1, 1.0), (2, 0.5)], [(2, 0.75)]]
    assert maxsim(neighbors(rows)) == [(2, 0.625), (1, 0.5)]


def test_equal_votes_are_in_order_of_their_keys() -> None:
    assert [key for key, _ in maxsim(neighbors([[(9, 0.5), (4, 0.5), (6, 0.5)]]))] == [4, 6, 9]


def test_places_where_nothing_was_found_do_not_count() -> None:
    assert maxsim(neighbors([[], [(5, 0.5)]])) == [(5, 0.25)]
    assert maxsim(neighbors([[], []])) == []


def test_no_query_rows_give_no_ranking() -> None:
    assert maxsim(Neighbors(np.empty((0, 3), np.int64), np.empty((0, 3), np.float32))) == []
    assert maxsim(Neighbors(np.empty((2, 0), np.int64), np.empty((2, 0), np.float32))) == []


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_query_rows_does_not_matter(rows: list[Row], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert maxsim(neighbors(shuffled)) == maxsim(neighbors(rows))


@given(ROWS)
def test_every_image_found_is_ranked_once_best_first(rows: list[Row]) -> None:
    ranking = maxsim(neighbors(rows))
    assert {key for key, _ in ranking} == {key for row in rows for key, _ in row}
    assert len(ranking) == len({key for key, _ in ranking})
    assert [score for _, score in ranking] == sorted((s for _, s in ranking), reverse=True)


@given(ROWS)
def test_the_vote_is_the_mean_of_the_best(rows: list[Row]) -> None:
    for key, score in maxsim(neighbors(rows)):
        bests = [max((s for k, s in row if k == key), default=0.0) for row in rows]
        assert score == pytest.approx(sum(bests) / len(rows))
