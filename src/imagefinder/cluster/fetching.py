"""Fetching: the URLs of a list, fetched by all machines of a cluster into a folder they share.

This program keeps the queue of URLs, how many of each host are fetched at a time, and the state of
the folder; a worker fetches, validates, and moves what is an image to its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.session import PATIENCE, check_connected, ray_session
from imagefinder.cluster.task import own_error
from imagefinder.cluster.worker_pool import Starts, worker_count
from imagefinder.downloads.image_fetcher import (
    Destination,
    Fetched,
    Fetching,
    ImageFetcher,
    fetching_here,
)
from imagefinder.downloads.validators import Validators
from imagefinder.errors import ClusterError, FetchError, Unreachable

LOST = "worker-lost"
"""The reason of a URL for which workers were lost."""


def fetching(options: ClusterOptions | None = None) -> Fetching:
    """For ``imagefinder.downloads.download``: URLs are fetched by the workers of a cluster.

    The folder must be the same on all machines. When it is opened, it raises ClusterError.
    """
    return partial(_fetching, options or ClusterOptions())


@asynccontextmanager
async def _fetching(
    options: ClusterOptions, destination: Destination
) -> AsyncIterator[ImageFetcher]:
    jobs = destination.settings.jobs
    with ray_session(options.address) as ray:
        actor = ray.remote(num_cpus=1, max_restarts=0, max_concurrency=jobs)(FetchingWorker)
        pool = FetcherPool(ray, partial(actor.remote, destination))
        try:
            pool.start(min(jobs, worker_count(ray, options)))
            yield pool
        finally:
            pool.close()


class FetchingWorker:
    """Fetches many URLs at a time."""

    def __init__(self, destination: Destination) -> None:
        # names of partial files are chosen by each process for itself
        own = f"{destination.temporary}/{uuid4().hex}"
        self._parts, self._destination = destination.temporary, replace(destination, temporary=own)
        self._opened = AsyncExitStack()

    async def begin(self) -> None:
        """Raises ClusterError if the folder is not that of the program that downloads."""
        if not Path(self._parts).is_dir():
            raise ClusterError(
                f"{self._destination.folder} is not there on each machine: download into a folder "
                "that they share"
            )
        Path(self._destination.temporary).mkdir()
        self._fetcher = await self._opened.enter_async_context(fetching_here(self._destination))

    async def fetch(self, url: str, known: Validators) -> Fetched | FetchError | None:
        """See ImageFetcher; what it raises is returned."""
        try:
            return await self._fetcher.fetch(url, known)
        except FetchError as error:
            return error


@dataclass(eq=False)
class _Slot:
    worker: Any
    load: int = 0


@dataclass
class FetcherPool:
    """Actors of a Ray cluster, FetchingWorkers. One that is lost is replaced."""

    ray: Any
    make: Callable[[], Any]
    """Starts an actor."""
    _ready: list[_Slot] = field(default_factory=list)
    _starting: list[asyncio.Task[None]] = field(default_factory=list)
    _workers: list[Any] = field(default_factory=list)
    _starts: Starts = field(init=False)

    def start(self, count: int) -> None:
        """Start so many workers."""
        self._starts = Starts(count)
        self._start(count)

    def _start(self, count: int) -> None:
        self._starting += [asyncio.create_task(self._begin()) for _ in range(count)]

    def close(self) -> None:
        """End all workers."""
        for task in self._starting:
            task.cancel()
        for worker in self._workers:
            self.ray.kill(worker)

    async def fetch(self, url: str, known: Validators) -> Fetched | None:
        """See ImageFetcher. A URL with which a worker is lost may be tried again by another."""
        slot = await self._free()
        slot.load += 1
        try:
            found: Fetched | FetchError | None = await slot.worker.fetch.remote(url, known)
        except self.ray.exceptions.RayTaskError as error:
            raise own_error(error) from error
        except self.ray.exceptions.RayError as error:
            self._replace(slot)
            text = "the worker that fetched it was lost"
            raise Unreachable(LOST, text, retryable=True) from error
        finally:
            slot.load -= 1
        if isinstance(found, FetchError):
            raise found
        return found

    async def _free(self) -> _Slot:
        """The ready worker with the least to do. Raises ClusterError if one cannot begin."""
        while True:
            for task in [one for one in self._starting if one.done()]:
                task.result()
                self._starting.remove(task)
            if self._ready:
                break
            done, _ = await asyncio.wait(
                self._starting, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                check_connected(self.ray)
        return min(self._ready, key=lambda slot: slot.load)

    async def _begin(self) -> None:
        worker = self.make()
        self._workers.append(worker)
        try:
            await worker.begin.remote()
        except self.ray.exceptions.RayError as error:
            self._starts.note_loss(error)
            self._start(1)
        else:
            self._starts.note_success()
            self._ready.append(_Slot(worker))

    def _replace(self, slot: _Slot) -> None:
        if slot in self._ready:
            self._ready.remove(slot)
            self._start(1)
