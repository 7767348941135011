"""Gates admit in order, and no more wait than may."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from imagefinder.server.gate import Gate, GateFull


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def ready() -> None:
    """Let every other task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_those_who_wait_are_admitted_in_order() -> None:
    async def test() -> None:
        gate, order = Gate(2, 9), []

        async def work(name: str, weight: int) -> None:
            held = await gate.enter(weight)
            order.append(name)
            await ready()
            gate.leave(held)

        await asyncio.gather(work("a", 1), work("b", 9), work("c", 1), work("d", 1))
        assert order == ["a", "b", "c", "d"]

    run(test())


def test_a_full_queue_refuses() -> None:
    async def test() -> None:
        gate = Gate(1, 1)
        held = await gate.enter()
        second = asyncio.create_task(gate.enter())
        await ready()
        with pytest.raises(GateFull):
            await gate.enter()
        gate.leave(held)
        assert await second == 1

    run(test())


@pytest.mark.parametrize("leaves_first", [True, False])
def test_one_that_gives_up_leaves_its_place_to_the_next(leaves_first: bool) -> None:
    async def test() -> None:
        gate = Gate(1, 9)
        held = await gate.enter()
        second, third = (asyncio.create_task(gate.enter()) for _ in range(2))
        await ready()
        if leaves_first:
            gate.leave(held)
        second.cancel()
        await ready()
        if not leaves_first:
            gate.leave(held)
        assert await third == 1
        gate.leave(1)
        assert await gate.enter() == 1

    run(test())
