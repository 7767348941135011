"""Figures of merit of vectors alone, against what can be worked out by hand."""

import numpy as np
import pytest

from imagefinder.evaluation.embedding_metrics import leave_one_out, own_original_first


def test_images_are_asked_for_all_others_of_their_class() -> None:
    rows = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, 0]], np.float32)
    found = leave_one_out(rows, ["a", "a", "b", "b", "alone"])
    assert found == (1, 1)  # the one that is alone in its class asks for nothing


def test_the_best_place_of_a_wrong_ranking() -> None:
    rows = np.array([[1, 0], [1, 0.1], [0.9, 0.3]], np.float32)
    found = leave_one_out(rows, ["a", "b", "a"])
    assert found.mean_average_precision == pytest.approx(0.5)
    assert found.recall_at_1 == 0


def test_without_two_of_a_kind_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no two images"):
        leave_one_out(np.eye(2, dtype=np.float32), ["a", "b"])


def test_copies_are_found_by_their_own_original_alone() -> None:
    originals = np.eye(3, dtype=np.float32)
    changed = np.array([[1, 0.2, 0], [0.9, 0.1, 0]], np.float32)
    assert own_original_first(changed, originals, [0, 1]) == 0.5
