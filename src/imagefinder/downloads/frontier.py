"""Crawl frontier: fair scheduling per host, with a limit on the jobs of each."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Job:
    """A URL to fetch, and how often it was tried."""

    url: str
    host: str
    tries: int = 0


@dataclass
class _Host:
    waiting: deque[Job] = field(default_factory=deque)
    active: int = 0
    paused_until: float = 0.0


class Frontier:
    """A queue of jobs by host: one that is slow, or requests a pause, delays no other.

    For each job that may start, one queue of tokens holds its host's name: this serves the hosts in
    turn.
    """

    def __init__(self, per_host: int, size: int) -> None:
        """At most ``per_host`` jobs of a host at a time, and ``size`` unfinished ones in all."""
        self._per_host = per_host
        self._slots = asyncio.Semaphore(size)
        self._hosts: dict[str, _Host] = {}
        self._tokens: asyncio.Queue[str] = asyncio.Queue()
        self._unfinished: set[str] = set()
        self._all_done = asyncio.Event()
        self._all_done.set()

    def __contains__(self, url: str) -> bool:
        """Whether this URL is queued or being fetched."""
        return url in self._unfinished

    async def put(self, job: Job) -> None:
        """Queue a new job; waits while the frontier is full."""
        await self._slots.acquire()
        self._unfinished.add(job.url)
        self._all_done.clear()
        self._queue(job)

    async def get(self) -> Job:
        """The next job that may start; ``done`` or ``retry`` must follow."""
        loop = asyncio.get_running_loop()
        while True:
            name = await self._tokens.get()
            host = self._hosts[name]
            pause = host.paused_until - loop.time()
            if pause <= 0:
                host.active += 1
                return host.waiting.popleft()
            loop.call_later(pause, self._tokens.put_nowait, name)

    def done(self, job: Job) -> None:
        """The job is finished."""
        self._release(job)
        self._unfinished.discard(job.url)
        self._slots.release()
        if not self._unfinished:
            self._all_done.set()

    def retry(self, job: Job, seconds: float, pause_host: bool) -> None:
        """Queue the job again after a delay, during which its whole host may be paused."""
        loop = asyncio.get_running_loop()
        host = self._hosts[job.host]
        if pause_host:
            host.paused_until = max(host.paused_until, loop.time() + seconds)
        self._release(job, keep_host=True)
        loop.call_later(seconds, self._queue, replace(job, tries=job.tries + 1))

    async def join(self) -> None:
        """Wait until every job is done."""
        await self._all_done.wait()

    def _queue(self, job: Job) -> None:
        host = self._hosts.setdefault(job.host, _Host())
        if len(host.waiting) < self._per_host - host.active:
            self._tokens.put_nowait(job.host)
        host.waiting.append(job)

    def _release(self, job: Job, keep_host: bool = False) -> None:
        host = self._hosts[job.host]
        if len(host.waiting) > self._per_host - host.active:
            self._tokens.put_nowait(job.host)
        host.active -= 1
        paused = host.paused_until > asyncio.get_running_loop().time()
        if not (keep_host or host.active or host.waiting or paused):
            del self._hosts[job.host]
