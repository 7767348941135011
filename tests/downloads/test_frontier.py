"""Whose turn it is."""

import asyncio
import random

from imagefinder.downloads.frontier import Frontier, Job


def job(name: str, host: str) -> Job:
    return Job(f"http://{host}/{name}", host)


def test_a_host_has_no_more_than_its_share_and_holds_no_other_up() -> None:
    async def taken() -> list[str]:
        frontier = Frontier(per_host=2, size=100)
        for number in range(20):
            await frontier.put(job(str(number), "slow"))
        await frontier.put(job("x", "other"))
        got = [await frontier.get() for _ in range(3)]
        assert not frontier._tokens.qsize()
        frontier.done(got[0])
        got.append(await frontier.get())
        return [one.host for one in got]

    assert asyncio.run(taken()) == ["slow", "slow", "other", "slow"]


def test_everything_is_taken_once_in_any_order_of_events() -> None:
    async def run(seed: int) -> None:
        moments = random.Random(seed)
        frontier = Frontier(per_host=3, size=10)
        jobs = [job(str(number), f"host{number % 4}") for number in range(200)]
        finished: list[str] = []
        active: dict[str, int] = {}

        async def work() -> None:
            while True:
                one = await frontier.get()
                active[one.host] = active.get(one.host, 0) + 1
                assert active[one.host] <= 3
                for _ in range(moments.randrange(3)):
                    await asyncio.sleep(0)
                active[one.host] -= 1
                if one.tries < 2 and moments.random() < 0.3:
                    frontier.retry(one, moments.random() / 100, pause_host=moments.random() < 0.5)
                else:
                    finished.append(one.url)
                    frontier.done(one)

        workers = [asyncio.create_task(work()) for _ in range(20)]
        for one in jobs:
            await frontier.put(one)
        async with asyncio.timeout(20):
            await frontier.join()
        assert sorted(finished) == sorted(one.url for one in jobs)
        assert not any(worker.done() for worker in workers)
        for worker in workers:
            worker.cancel()

    for seed in range(5):
        asyncio.run(run(seed))


def test_a_host_that_asks_for_a_rest_has_it() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        frontier = Frontier(per_host=1, size=10)
        await frontier.put(job("a", "tired"))
        await frontier.put(job("b", "tired"))
        began = loop.time()
        frontier.retry(await frontier.get(), 0.1, pause_host=True)
        later = await frontier.get()
        assert later.tries in (0, 1)
        return loop.time() - began

    assert asyncio.run(run()) >= 0.09


def test_there_is_room_for_so_many_and_no_more() -> None:
    async def run() -> None:
        frontier = Frontier(per_host=1, size=2)
        await frontier.put(job("a", "h"))
        await frontier.put(job("b", "h"))
        waiting = asyncio.create_task(frontier.put(job("c", "h")))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        frontier.done(await frontier.get())
        await waiting
        assert "http://h/c" in frontier

    asyncio.run(run())
