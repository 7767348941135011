"""One budget for all decoders: nothing exceeds it, and neither large nor small images starve."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from imagefinder.errors import DecoderBusy
from imagefinder.images.budget import Allowance, Budget

MB = 10**6


def budget(**options: Any) -> Budget:
    return Budget(Allowance(**{"memory": 100 * MB, "kept": 30 * MB, "costly": 9} | options))


class Claim:
    """A claim of another thread, held until it is told to let go."""

    def __init__(self, budget: Budget, size: int, costly: bool) -> None:
        self.granted, self._let_go = Event(), Event()
        self._budget, self._size, self._costly = budget, size, costly
        self._thread = Thread(target=self._hold)
        self._thread.start()

    def _hold(self) -> None:
        with self._budget.claim(self._size, self._costly):
            self.granted.set()
            self._let_go.wait(60)

    def end(self) -> None:
        self._let_go.set()
        self._thread.join(60)


@contextmanager
def claims(budget: Budget, *sizes: int, costly: bool) -> Iterator[list[Claim]]:
    held = [Claim(budget, size * MB, costly) for size in sizes]
    try:
        yield held
    finally:
        for claim in held:
            claim.end()


def waiting(budget: Budget, costly: bool) -> int:
    lane = budget._costly if costly else budget._quick
    return len(lane.waiting)


def wait_for_waiting(budget: Budget, count: int, costly: bool) -> None:
    while waiting(budget, costly) < count:
        Event().wait(0.001)


def test_what_is_claimed_is_given_back_even_after_an_error() -> None:
    one = budget()
    with pytest.raises(ZeroDivisionError), one.claim(5 * MB, costly=False):
        assert one.used == 5 * MB
        raise ZeroDivisionError
    assert one.used == 0


def test_a_hundred_threads_never_exceed_it() -> None:
    one = budget()
    most = []

    def claim(number: int) -> None:
        with one.claim((number % 7) * 9 * MB, costly=number % 3 == 0):
            most.append(one.used)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(claim, range(100)))
    assert max(most) <= 100 * MB
    assert one.used == 0


def test_a_quick_image_does_not_wait_for_costly_ones() -> None:
    one = budget()
    with claims(one, 70, 70, costly=True) as [first, _]:
        first.granted.wait(60)
        wait_for_waiting(one, 1, costly=True)
        with one.claim(15 * MB, costly=False):
            assert one.used == 85 * MB


def test_a_costly_image_does_not_wait_for_quick_ones_that_come_later() -> None:
    one = budget()
    with claims(one, 30, 30, 30, costly=False) as early:
        for claim in early:
            claim.granted.wait(60)
        with claims(one, 70, costly=True) as [large]:
            wait_for_waiting(one, 1, costly=True)
            with claims(one, 10, costly=False) as [late]:
                wait_for_waiting(one, 1, costly=False)
                assert not late.granted.is_set()
                for claim in early:
                    claim.end()
                assert large.granted.wait(60)
                assert late.granted.wait(60)


def test_what_is_larger_than_all_there_is_goes_alone() -> None:
    one = budget()
    with one.claim(10**12, costly=True):
        assert one.used == 70 * MB
    with one.claim(10**12, costly=False):
        assert one.used == 30 * MB


def test_no_more_costly_images_at_a_time_than_are_allowed() -> None:
    one = budget(costly=1)
    with claims(one, 1, costly=True) as [first]:
        first.granted.wait(60)
        with claims(one, 1, costly=True) as [second]:
            wait_for_waiting(one, 1, costly=True)
            first.end()
            assert second.granted.wait(60)


def test_when_too_many_wait_the_next_is_told_at_once() -> None:
    one = budget(costly=1, max_waiting=1)
    with claims(one, 1, costly=True) as [first]:
        first.granted.wait(60)
        with claims(one, 1, costly=True):
            wait_for_waiting(one, 1, costly=True)
            with pytest.raises(DecoderBusy, match="try again"), one.claim(1, costly=True):
                pass
            first.end()


def test_patience_ends() -> None:
    one = budget(costly=1, patience=0.01)
    with one.claim(1, costly=True):
        with pytest.raises(DecoderBusy), one.claim(1, costly=True):
            pass
        assert waiting(one, costly=True) == 0
    assert one.used == 0
