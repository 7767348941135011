"""Concurrency: batches, combined calls, and a parallel map that never runs far ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")
_share: int | None = None


def cores() -> int:
    """How many processors this process may use."""
    if _share is not None:
        return _share
    able = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(able or 1, _allowed() or able or 1)


def use_cores(count: int) -> None:
    """Use no more than so many from now on: the others are for processes beside this one."""
    global _share
    _share = count


def is_shared() -> bool:
    """Whether other processes of ours use the other processors, as ``use_cores`` said."""
    return _share is not None


def _allowed() -> int | None:
    """As many processors as a container's limit of CPU time fills; None without a limit."""
    try:
        quota, period = _LIMIT.read_text().split()
        return max(1, ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return None


def prefetch_map(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Results in the order of the items, with at most ``ahead`` of them begun or waiting."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
            waiting.append(executor.submit(work, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of ``size`` items; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


class CombinedCalls(Generic[Item, Result]):
    """Calls of many threads at a time, made as one call of a function of many items.

    A call that comes alone is made at once. Those that come meanwhile wait, and whichever of their
    threads goes on first makes one call for all of them.
    """

    def __init__(self, function: Callable[[list[Item]], list[Result]], most: int) -> None:
        """``function`` gives a result for each item, of which it gets ``most`` at a time."""
        self._function = function
        self._most = most
        self._waiting: deque[tuple[Item, Future[Result]]] = deque()
        self._turn = Lock()

    def __call__(self, item: Item) -> Result:
        """The result of one item; an error is raised in all calls that were made together."""
        future: Future[Result] = Future()
        self._waiting.append((item, future))
        with self._turn:
            while not future.done():
                self._call_once()
        return future.result()

    def _call_once(self) -> None:
        count = min(len(self._waiting), self._most)
        some = [self._waiting.popleft() for _ in range(count)]
        try:
            results = self._function([item for item, _ in some])
        except BaseException as error:
            for _, future in some:
                future.set_exception(error)
            return
        for (_, future), result in zip(some, results, strict=True):
            future.set_result(result)
