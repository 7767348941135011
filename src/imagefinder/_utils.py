"""Work done by several threads while the caller goes on, in order and never far ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from imagefinder.errors import MissingExtra

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def overlapped(
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


def check(module: str, extra: str) -> None:
    """Raise MissingExtra, as ``needed`` would, without loading the module."""
    if find_spec(module) is None:
        raise MissingExtra(_remedy(extra))


def needed(module: str, extra: str) -> Any:
    """The module. Raises MissingExtra, which says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(_remedy(extra)) from error


def _remedy(extra: str) -> str:
    return f"this index needs: pip install 'imagefinder[{extra}]'"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of ``path``, or leaves nothing behind.

    Its name ends as that of ``path`` does. Raises OSError.
    """
    unfinished = path.with_name(f".{os.getpid()}-{token_hex(4)}-{path.name}")
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
