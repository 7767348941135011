from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagefinder.near_duplicates import candidates, int8_codes, inverted_lists, star_clustering
from imagefinder.near_duplicates.star_clustering import (
    NEIGHBORS,
    Chooser,
    Verifier,
    star_clusters,
)
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Measure, Progress

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


def one_by_one(
    measure: Measure, rows: Features, threshold: float, verify: Verifier | None = None
) -> list[int]:
    centers = list(range(len(rows)))
    every = np.stack([scores(measure, rows[i : i + 1], rows)[0] for i in range(len(rows))])
    for center in range(len(rows)):
        for other in range(center + 1, len(rows)):
            if (
                centers[center] == center
                and centers[other] == other
                and every[center, other] >= threshold
                and (verify is None or verify(center, [other])[0])
            ):
                centers[other] = center
    return centers


def centers_of(
    measure: Measure,
    rows: Features,
    threshold: float,
    verify: Verifier | None = None,
    k: int = NEIGHBORS,
    choose: Chooser | None = None,
    progress: Progress = iter,
) -> NDArray[np.intp]:
    """The center of the cluster of each row, ``(n,)``; that of one without a cluster is itself."""
    centers = np.arange(len(rows))
    for cluster in star_clusters(measure, rows, threshold, verify, progress, k, choose):
        assert (centers[cluster] == cluster).all(), "no row is in two"
        centers[cluster] = cluster[0]
    return centers


def of_odd_sum(center: int, others: Sequence[int]) -> list[bool]:
    return [(center + other) % 2 == 1 for other in others]


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(star_clustering, "_BLOCK", 7)
        patch.setattr(candidates, "_QUERIES", 5)
        patch.setattr(candidates, "_STEP", 6)
        patch.setattr(int8_codes, "BLOCK", 8)
        patch.setattr(inverted_lists, "BLOCK", 8)
        yield


@pytest.mark.parametrize("measure", MEASURES)
@given(
    seed=st.integers(0, 1000),
    threshold=st.floats(0.3, 0.99),
    count=st.integers(1, 40),
    k=st.integers(1, 50),
    exact=st.sampled_from([0, 50]),
)
def test_however_few_candidates_as_comparing_one_by_one(
    measure: Measure, seed: int, threshold: float, count: int, k: int, exact: int
) -> None:
    rows = drawn(measure, count, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inverted_lists, "_EXACT", exact)  # with 0 in several lists, all of them near
        found = centers_of(measure, rows, threshold, k=k)
    assert found.tolist() == one_by_one(measure, rows, threshold)


@pytest.mark.parametrize("measure", MEASURES)
@given(seed=st.integers(0, 1000), threshold=st.floats(0.3, 0.99), count=st.integers(1, 40))
def test_with_all_candidates_verified_as_one_by_one(
    measure: Measure, seed: int, threshold: float, count: int
) -> None:
    rows = drawn(measure, count, seed)
    found = centers_of(measure, rows, threshold, of_odd_sum, k=count)
    assert found.tolist() == one_by_one(measure, rows, threshold, of_odd_sum)


def test_a_group_may_have_more_members_than_a_row_has_candidates() -> None:
    rows = np.tile(drawn("cosine", 3, 0), (40, 1))
    asked: list[int] = []

    def confirm(center: int, others: Sequence[int]) -> list[bool]:
        asked.append(len(others))
        return [True] * len(others)

    groups = centers_of("cosine", rows, 0.9999, confirm, k=4)
    assert groups.tolist() == [0, 1, 2] * 40
    assert sum(asked) == 3 * 39


def test_candidates_that_are_rejected_end_the_search_for_more() -> None:
    rows = np.ones((60, 2), np.float32)
    asked = 0

    def reject(center: int, others: Sequence[int]) -> list[bool]:
        nonlocal asked
        asked += len(others)
        return [False] * len(others)

    assert centers_of("dot", rows, 0.9, reject, k=3).tolist() == list(range(60))
    assert asked <= 60 * 4


def test_it_ends_where_the_progress_does() -> None:
    rows = drawn("cosine", 30, 0)
    stages = 0

    def count(steps: Iterable[object]) -> Iterable[object]:
        nonlocal stages
        stages += 1
        return steps

    centers_of("cosine", rows, 0.9, progress=count)
    for last in range(1, stages + 1):
        passed = 0

        def stop(steps: Iterable[object], last: int = last) -> Iterator[object]:
            nonlocal passed
            passed += 1
            for step in steps:
                if passed == last:
                    raise TimeoutError
                yield step

        with pytest.raises(TimeoutError):
            centers_of("cosine", rows, 0.9, progress=stop)


def test_no_rows_have_no_heads() -> None:
    assert centers_of("cosine", np.empty((0, 3), np.float32), 0.9).shape == (0,)


def test_a_chain_is_no_group() -> None:
    angles = np.deg2rad([0, 20, 40, 60])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert centers_of("cosine", rows, 0.9).tolist() == [0, 0, 2, 2]


def on_a_circle(*degrees: int) -> Features:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_preferred_row_becomes_the_center_with_those_that_are_like_it() -> None:
    """Row 1 is near to 3, which row 0 is too far from; and row 2 is near to row 0 alone."""
    rows = on_a_circle(0, 20, -20, 40)
    preferred: list[list[int]] = []

    def row_1(cluster: Sequence[int]) -> int:
        preferred.append(list(cluster))
        return 1 if 1 in cluster else cluster[0]

    assert centers_of("cosine", rows, 0.9, choose=row_1).tolist() == [1, 1, 2, 1]
    assert preferred == [[0, 1, 2], [1, 0, 3]]


def test_a_row_that_leaves_a_cluster_may_be_the_center_of_another() -> None:
    rows = on_a_circle(0, 20, -20, -40)
    found = centers_of("cosine", rows, 0.9, choose=lambda cluster: cluster[1])
    assert found.tolist() == [1, 1, 3, 3]


def test_a_preferred_row_may_take_those_that_were_alone() -> None:
    """Row 0 finds nobody; row 2, like it, is the best of the cluster of row 1."""
    rows = on_a_circle(60, 20, 40)
    assert centers_of("cosine", rows, 0.9).tolist() == [0, 1, 0]
    not_0_and_2 = centers_of("cosine", rows, 0.9, lambda one, others: [one > 0] * len(others))
    assert not_0_and_2.tolist() == [0, 1, 1]
    moved = centers_of("cosine", rows, 0.9, lambda one, others: [one > 0] * len(others), choose=max)
    assert moved.tolist() == [2, 2, 2]


def test_a_center_that_is_no_copy_of_the_preferred_row_leaves() -> None:
    """Verification may find a copy in one direction only."""
    rows = on_a_circle(0, 10, 20)

    def forwards(one: int, others: Sequence[int]) -> list[bool]:
        return [other > one for other in others]

    assert centers_of("cosine", rows, 0.9, forwards).tolist() == [0, 0, 0]
    second = centers_of("cosine", rows, 0.9, forwards, choose=lambda cluster: sorted(cluster)[-2])
    assert second.tolist() == [0, 1, 1]


def test_a_center_moves_three_times_at_most() -> None:
    rows = on_a_circle(0, 20, 40, 60, 80)
    assert centers_of("cosine", rows, 0.9, choose=max).tolist() == [0, 1, 3, 3, 3]


@given(seed=st.integers(0, 1000), threshold=st.floats(0.5, 0.99), count=st.integers(1, 40))
def test_each_row_is_in_one_cluster_whoever_is_preferred(
    seed: int, threshold: float, count: int
) -> None:
    rows = drawn("cosine", count, seed)
    centers = centers_of("cosine", rows, threshold, choose=max)
    assert (centers[centers] == centers).all()
    for row, center in enumerate(centers.tolist()):
        assert scores("cosine", rows[[row]], rows[[center]])[0, 0] >= threshold - 1e-6


def test_another_look_may_disagree() -> None:
    rows = np.ones((4, 2), np.float32)
    asked: list[tuple[int, list[int]]] = []

    def odd_with_odd(center: int, others: Sequence[int]) -> list[bool]:
        asked.append((center, list(others)))
        return [(center - other) % 2 == 0 for other in others]

    assert centers_of("l2", rows, 0.9, odd_with_odd).tolist() == [0, 1, 0, 1]
    assert asked == [(0, [1, 2, 3]), (1, [3])]


def test_tiny_distances_far_from_the_middle_are_not_lost_in_rounding() -> None:
    rng = np.random.default_rng(0)
    rows = (1000 + rng.standard_normal((50, 16))).astype(np.float32)
    rows[30] = rows[3] + np.float32(1e-3)
    centers = centers_of("l2", rows, 1 / (1 + 0.01))
    assert np.flatnonzero(centers != np.arange(50)).tolist() == [30]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_threshold_may_be_any_number(measure: Measure) -> None:
    rows = drawn(measure, 9, 0)
    assert centers_of(measure, rows, -1e225).tolist() == [0] * 9
    assert centers_of(measure, rows, 1e225).tolist() == list(range(9))
