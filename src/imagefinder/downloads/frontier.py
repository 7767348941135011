"""Whose turn it is: every host has its share of what goes on at a time, and no more."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Job:
    """A URL to be fetched, and how often that was tried."""

    url: str
    host: str
    tries: int = 0


@dataclass
class _Host:
    waiting: deque[Job] = field(default_factory=deque)
    active: int = 0
    rests_until: float = 0.0


class Turns:
    """Jobs wait here, by host; a host that is slow, or asks for a rest, holds no other up.

    For each job that may start there is a token with its host's name in one queue, which gives
    the hosts their turns in order.
    """

    def __init__(self, per_host: int, room: int) -> None:
        """At most so many jobs of a host at a time, and so many in all that are not done yet."""
        self._per_host = per_host
        self._room = asyncio.Semaphore(room)
        self._hosts: dict[str, _Host] = {}
        self._tokens: asyncio.Queue[str] = asyncio.Queue()
        self._open: set[str] = set()
        self._settled = asyncio.Event()
        self._settled.set()

    def holds(self, url: str) -> bool:
        """Whether this URL is waiting or under way."""
        return url in self._open

    async def put(self, job: Job) -> None:
        """A new job; waits for room."""
        await self._room.acquire()
        self._open.add(job.url)
        self._settled.clear()
        self._wait(job)

    async def take(self) -> Job:
        """The next that may start; ``done`` or ``again`` must follow."""
        loop = asyncio.get_running_loop()
        while True:
            name = await self._tokens.get()
            host = self._hosts[name]
            rest = host.rests_until - loop.time()
            if rest <= 0:
                host.active += 1
                return host.waiting.popleft()
            loop.call_later(rest, self._tokens.put_nowait, name)

    def done(self, job: Job) -> None:
        """It has come to its end."""
        self._leave(job)
        self._open.discard(job.url)
        self._room.release()
        if not self._open:
            self._settled.set()

    def again(self, job: Job, seconds: float, resting: bool) -> None:
        """To be taken once more after some time, during which its host may be left alone too."""
        loop = asyncio.get_running_loop()
        host = self._hosts[job.host]
        if resting:
            host.rests_until = max(host.rests_until, loop.time() + seconds)
        self._leave(job, kept=True)
        loop.call_later(seconds, self._wait, replace(job, tries=job.tries + 1))

    async def settled(self) -> None:
        """Until no job is left."""
        await self._settled.wait()

    def _wait(self, job: Job) -> None:
        host = self._hosts.setdefault(job.host, _Host())
        if len(host.waiting) < self._per_host - host.active:
            self._tokens.put_nowait(job.host)
        host.waiting.append(job)

    def _leave(self, job: Job, kept: bool = False) -> None:
        host = self._hosts[job.host]
        if len(host.waiting) > self._per_host - host.active:
            self._tokens.put_nowait(job.host)
        host.active -= 1
        rests = host.rests_until > asyncio.get_running_loop().time()
        if not (kept or host.active or host.waiting or rests):
            del self._hosts[job.host]
