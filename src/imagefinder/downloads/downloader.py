"""The URLs of a list into a folder, many at a time: cut short at any moment, it goes on."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

from imagefinder.downloads.frontier import Job, Turns
from imagefinder.downloads.http.fetcher import Fetcher, FetchLimits, run
from imagefinder.downloads.http.ssrf import Resolve
from imagefinder.downloads.partial_file import Arriving, clear, make_room
from imagefinder.downloads.results import NAME, Counts, write_results
from imagefinder.downloads.state import Failed, Ledger, Outcome
from imagefinder.downloads.url_list import UrlList, opened
from imagefinder.errors import DownloadError, FetchError
from imagefinder.images.inputs import absolute

Progress: TypeAlias = Callable[[bool], object]
"""Told of each URL that came to its end, whether it gave an image."""

_ROOM = 10_000  # jobs that wait, so that a slow host at the list's head holds no other up
_LONGEST_WAIT = 120.0  # seconds; a server that asks for more is asked no more


@dataclass(frozen=True)
class Settings:
    """How a list is downloaded."""

    jobs: int = 64
    """Fetches at a time."""
    per_host: int = 8
    """Of them, those from one host of the list."""
    retries: int = 2
    """After failures that may pass: no answer, a connection that broke, statuses as 503."""
    min_side: int = 16
    """Pixels; what is smaller stands for an image that is not there."""
    limits: FetchLimits = field(default_factory=FetchLimits)
    resolve: Resolve | None = None
    """Stands in for the system's way to look names up."""


@dataclass(frozen=True)
class Summary(Counts):
    """What became of a list."""

    column: str
    """Where its URLs were."""
    results: str
    """The CSV with a line for each URL."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def download(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    column: str | None = None,
    retry_failed: bool = False,
    settings: Settings | None = None,
    progress: Progress = bool,
) -> Summary:
    """Fetch the images of a list into a folder, each content once.

    ``source`` is CSV, TSV, JSON lines or Parquet; ``column`` holds the URLs, and is found if it is
    not named. URLs that came to their end in this folder before are not asked again, those that
    gave no image only to ``retry_failed``. Raises DownloadError.
    """
    began = perf_counter()
    urls = opened(absolute(source), column)
    root = absolute(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with Ledger(root) as ledger:
            make_room(root)
            if retry_failed:
                ledger.forget_failures()
            run(_Downloading(urls, root, ledger, settings or Settings(), progress).all())
            clear(root)
            ledger.write()
            counts = write_results(urls, ledger, root)
    except OSError as error:
        raise DownloadError(f"{error.filename or root}: {error.strerror or error}") from error
    return Summary(
        **asdict(counts),
        column=urls.column,
        results=str(root / NAME),
        seconds=perf_counter() - began,
    )


@dataclass(frozen=True)
class _Downloading:
    """One run: what is asked for, where it goes, and who is told."""

    urls: UrlList
    folder: Path
    ledger: Ledger
    settings: Settings
    progress: Progress

    async def all(self) -> None:
        """Until every URL has come to its end, or something is wrong with the folder."""
        turns = Turns(self.settings.per_host, _ROOM)
        async with Fetcher(self.settings.limits, self.settings.resolve) as fetcher:
            feeder = asyncio.create_task(self._feed(turns))
            workers = [
                asyncio.create_task(self._work(turns, fetcher)) for _ in range(self.settings.jobs)
            ]
            try:
                # a worker ends only by failing: the folder cannot be written to
                await asyncio.wait((feeder, *workers), return_when=asyncio.FIRST_COMPLETED)
                for task in (*workers, feeder):
                    if task.done():
                        task.result()
            finally:
                for task in (feeder, *workers):
                    task.cancel()
                await asyncio.gather(feeder, *workers, return_exceptions=True)

    async def _feed(self, turns: Turns) -> None:
        """What is not settled yet of the list becomes jobs; ends when all have come to theirs."""
        for number, wanted in enumerate(self.urls):
            if number % 100 == 0:
                await asyncio.sleep(0)  # what has arrived need not wait for the whole list
            url = wanted.url
            if url is None or turns.holds(url):
                continue
            known = self.ledger.outcome(url)
            if known is None:
                await turns.put(Job(url, _host(url)))
            else:
                self.progress(not isinstance(known, Failed))
        await turns.settled()

    async def _work(self, turns: Turns, fetcher: Fetcher) -> None:
        while True:
            job = await turns.take()
            try:
                outcome: Outcome = await self._image(job.url, fetcher)
            except FetchError as error:
                wait = _wait(error, job.tries)
                if error.again and job.tries < self.settings.retries and wait <= _LONGEST_WAIT:
                    turns.again(job, wait, resting=error.wait is not None)
                    continue
                outcome = Failed(error.reason, str(error))
            self.ledger.note(job.url, outcome)
            self.progress(not isinstance(outcome, Failed))
            turns.done(job)

    async def _image(self, url: str, fetcher: Fetcher) -> Outcome:
        with Arriving(self.folder) as arriving:
            await fetcher.fetch(url, arriving.write)
            return await asyncio.to_thread(arriving.kept, self.settings.min_side)


def _host(url: str) -> str:
    """As it is written, which is enough to share turns by."""
    return url.partition("//")[2].partition("/")[0].lower()


def _wait(error: FetchError, tries: int) -> float:
    """Seconds before the next try: what the server asks for, or longer with each try."""
    if error.wait is not None:
        return error.wait
    return random.uniform(0.5, 1) * 2.0**tries  # noqa: S311  so that not all come back at once
