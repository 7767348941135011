"""Several rankings become one, whatever order they come in."""

from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.search.ranking import Fusion, Ranking, fuse

WAYS: tuple[Fusion, ...] = get_args(Fusion)
RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=8), max_size=4)


def ranking(*keys: int) -> Ranking:
    """Scores that fall by a half each."""
    return [(key, 0.5**place) for place, key in enumerate(keys)]


def rankings_of(lists: list[list[int]]) -> list[Ranking]:
    return [ranking(*keys) for keys in lists]


def test_a_rank_counts_by_its_reciprocal() -> None:
    fused = dict(fuse([ranking(1, 2), ranking(2, 3)]))
    assert fused == {2: (1 + 61 / 62) / 2, 1: 1 / 2, 3: 61 / 62 / 2}


def test_borda_counts_places_from_the_end() -> None:
    assert fuse([ranking(5, 1, 3, 4)], "borda") == [(5, 1.0), (1, 0.75), (3, 0.5), (4, 0.25)]


def test_scores_count_between_the_lowest_and_the_highest() -> None:
    fused = fuse([[(1, 9.0), (2, 6.0), (3, 5.0)], [(2, -1.0), (3, -3.0)]], "scores")
    assert fused == [(2, (0.25 + 1) / 2), (1, 0.5), (3, 0.0)]
    assert fuse([[(1, 0.3)]], "scores") == [(1, 1.0)]


def test_weights_say_how_much_a_ranking_counts() -> None:
    one, other = ranking(1, 2), ranking(2, 1)
    assert fuse([one, other], weights=[3, 1])[0][0] == 1
    assert fuse([one, other], weights=[0, 1]) == fuse([other])


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0]])
def test_weights_that_make_no_sense_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        fuse([ranking(1), ranking(2)], weights=weights)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ValueError, match="reciprocal, borda, scores, not by 'sum'"):
        fuse([], "sum")  # type: ignore[arg-type]


@pytest.mark.parametrize("how", WAYS)
@given(lists=RANKINGS)
def test_the_order_of_the_rankings_does_not_matter(how: Fusion, lists: list[list[int]]) -> None:
    fused = fuse(rankings_of(lists), how)
    assert all(fuse(list(order), how) == fused for order in permutations(rankings_of(lists)))
    assert {key for key, _ in fused} == {key for keys in lists for key in keys}
    assert all(0 <= score <= 1 + 1e-9 for _, score in fused)


@pytest.mark.parametrize("how", WAYS)
@given(keys=st.lists(st.integers(0, 9), unique=True, min_size=1))
def test_what_all_agree_on_stays_and_the_first_gets_one(how: Fusion, keys: list[int]) -> None:
    fused = fuse([ranking(*keys)] * 3, how)
    assert [key for key, _ in fused] == keys
    assert fused[0][1] == pytest.approx(1)


@pytest.mark.parametrize("how", WAYS)
@given(lists=RANKINGS)
def test_gaining_a_place_never_costs_an_image(how: Fusion, lists: list[list[int]]) -> None:
    before = dict(fuse(rankings_of(lists), how))
    for number, keys in enumerate(lists):
        if len(keys) > 1:
            raised = [*lists]
            raised[number] = [keys[-1], *keys[:-1]]
            assert dict(fuse(rankings_of(raised), how))[keys[-1]] >= before[keys[-1]]
