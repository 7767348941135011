from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.near_duplicates import star_clustering as pairs
from imagefinder.near_duplicates.star_clustering import star_clusters
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Measure

MEASURES: tuple[Measure, ...] = ("cosine", "l2", "dot", "hamming")


def drawn(measure: Measure, count: int, seed: int) -> Features:
    """Rows of which many are near to another."""
    rng = np.random.default_rng(seed)
    if measure == "hamming":
        kinds = rng.integers(0, 256, (5, 4), np.uint8)
        flips = np.packbits(rng.random((count, 32)) < 0.05, axis=1)
        return np.asarray(kinds[rng.integers(5, size=count)] ^ flips)
    kinds = rng.standard_normal((5, 8))[rng.integers(5, size=count)]
    rows = (kinds + rng.standard_normal((count, 8)) * 0.2).astype(np.float32)
    return normalized_for(measure, rows)


def one_by_one(measure: Measure, rows: Features, threshold: float) -> list[int]:
    centers = list(range(len(rows)))
    every = np.stack([scores(measure, rows[i : i + 1], rows)[0] for i in range(len(rows))])
    for center in range(len(rows)):
        for other in range(center + 1, len(rows)):
            if (
                centers[center] == center
                and centers[other] == other
                and every[center, other] >= threshold
            ):
                centers[other] = center
    return centers


@pytest.mark.parametrize("measure", MEASURES)
@given(seed=st.integers(0, 1000), threshold=st.floats(0.3, 0.99), count=st.integers(1, 40))
def test_blocks_find_what_comparing_one_by_one_finds(
    measure: Measure, seed: int, threshold: float, count: int
) -> None:
    rows = drawn(measure, count, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_BLOCK", 7)
        assert star_clusters(measure, rows, threshold).tolist() == one_by_one(
            measure, rows, threshold
        )


def test_no_rows_have_no_heads() -> None:
    assert star_clusters("cosine", np.empty((0, 3), np.float32), 0.9).shape == (0,)


def test_a_chain_is_no_group() -> None:
    angles = np.deg2rad([0, 20, 40, 60])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert star_clusters("cosine", rows, 0.9).tolist() == [0, 0, 2, 2]


def test_another_look_may_disagree() -> None:
    rows = np.ones((4, 2), np.float32)
    asked: list[tuple[int, list[int]]] = []

    def odd_with_odd(center: int, others: Sequence[int]) -> list[bool]:
        asked.append((center, list(others)))
        return [(center - other) % 2 == 0 for other in others]

    assert star_clusters("l2", rows, 0.9, odd_with_odd).tolist() == [0, 1, 0, 1]
    assert asked == [(0, [1, 2, 3]), (1, [3])]


def test_tiny_distances_far_from_the_middle_are_not_lost_in_rounding() -> None:
    rng = np.random.default_rng(0)
    rows = (1000 + rng.standard_normal((50, 16))).astype(np.float32)
    rows[30] = rows[3] + np.float32(1e-3)
    centers = star_clusters("l2", rows, 1 / (1 + 0.01))
    assert np.flatnonzero(centers != np.arange(50)).tolist() == [30]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_threshold_may_be_any_number(measure: Measure) -> None:
    rows = drawn(measure, 9, 0)
    assert star_clusters(measure, rows, -1e225).tolist() == [0] * 9
    assert star_clusters(measure, rows, 1e225).tolist() == list(range(9))
