"""Figures of merit, against what can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.evaluation.metrics import average_precision, leave_one_out, own_original_first


def test_average_precision_is_the_mean_precision_at_the_relevant_places() -> None:
    relevant = np.array([[True, False, True, False], [False, True, False, False]])
    assert average_precision(relevant) == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])


@given(st.lists(st.booleans(), min_size=1, max_size=30).filter(any))
def test_average_precision_agrees_with_its_definition(places: list[bool]) -> None:
    precisions = [
        sum(places[: place + 1]) / (place + 1) for place, here in enumerate(places) if here
    ]
    assert average_precision(np.array([places])) == pytest.approx([np.mean(precisions)])


def test_pictures_are_asked_for_all_others_of_their_class() -> None:
    rows = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, 0]], np.float32)
    found = leave_one_out(rows, ["a", "a", "b", "b", "alone"])
    assert found == (1, 1)  # the one that is alone in its class asks for nothing


def test_the_best_place_of_a_wrong_ranking() -> None:
    rows = np.array([[1, 0], [1, 0.1], [0.9, 0.3]], np.float32)
    found = leave_one_out(rows, ["a", "b", "a"])
    assert found.mean_average_precision == pytest.approx(0.5)
    assert found.recall_at_1 == 0


def test_without_two_of_a_kind_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no two pictures"):
        leave_one_out(np.eye(2, dtype=np.float32), ["a", "b"])


def test_copies_are_found_by_their_own_original_alone() -> None:
    originals = np.eye(3, dtype=np.float32)
    changed = np.array([[1, 0.2, 0], [0.9, 0.1, 0]], np.float32)
    assert own_original_first(changed, originals, [0, 1]) == 0.5
