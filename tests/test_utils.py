import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder._utils import concurrency
from imagefinder._utils.concurrency import CombinedCalls, batched, cores, prefetch_map


class AtOnce(Executor):
    """Does what it is given before it answers."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args, **kwargs))
        return future


@given(st.lists(st.integers(), max_size=50), st.integers(1, 9))
def test_overlapped_work_keeps_its_order(items: list[int], ahead: int) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert list(prefetch_map(executor, lambda item: item * 2, items, ahead)) == [
            item * 2 for item in items
        ]


def test_work_is_never_far_ahead_of_its_user() -> None:
    begun: list[int] = []
    results = prefetch_map(AtOnce(), begun.append, range(100), ahead=5)
    for _ in range(10):
        next(results)
    assert len(begun) <= 10 + 5


def test_what_work_raises_reaches_the_user_and_stops_the_rest() -> None:
    def fail(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    results: list[int] = []
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="three"):
        results.extend(prefetch_map(executor, fail, range(10**9), ahead=4))


def test_several_threads_work_at_once() -> None:
    barrier = threading.Barrier(2, timeout=60)
    with ThreadPoolExecutor(2) as executor:
        assert len(list(prefetch_map(executor, lambda _: barrier.wait(), range(4), ahead=4))) == 4


@given(st.lists(st.integers(), max_size=30), st.integers(1, 7))
def test_batches_hold_everything_once(items: list[int], size: int) -> None:
    batches = list(batched(items, size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("150000 100000", 2), ("1000 100000", 1), ("max 100000", 8), ("", 8), ("1600000 100000", 8)],
)
def test_a_container_s_limit_of_time_is_one_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(concurrency, "_LIMIT", tmp_path / "cpu.max")
    assert cores() == expected
    monkeypatch.setattr(concurrency, "_share", 3)
    assert cores() == 3


def test_calls_that_come_while_one_is_made_are_made_together() -> None:
    calls: list[list[int]] = []
    first_is_under_way, others_wait = threading.Event(), threading.Event()

    def doubled(items: list[int]) -> list[int]:
        calls.append(items)
        if items == [0]:
            first_is_under_way.set()
            assert others_wait.wait(timeout=60)
        return [2 * item for item in items]

    combined = CombinedCalls(doubled, most=3)
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(combined, 0)
        assert first_is_under_way.wait(timeout=60)
        others = [threads.submit(combined, item) for item in range(1, 6)]
        while len(combined._waiting) < 5:
            sleep(0)
        others_wait.set()
        assert [call.result() for call in (first, *others)] == [0, 2, 4, 6, 8, 10]
    assert [len(call) for call in calls] == [1, 3, 2]


def test_an_error_is_raised_in_each_of_the_calls_and_the_next_is_made() -> None:
    def halves(items: list[int]) -> list[float]:
        return [1 / item for item in items]

    combined = CombinedCalls(halves, most=3)
    with pytest.raises(ZeroDivisionError):
        combined(0)
    assert combined(2) == 0.5
