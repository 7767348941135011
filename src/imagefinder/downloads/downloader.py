"""Downloader: fetches the URLs of a list concurrently, and resumes where it was interrupted."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

from imagefinder._utils.text import one_line
from imagefinder.downloads.frontier import Frontier, Job
from imagefinder.downloads.http.fetcher import Fetcher, FetchLimits, run
from imagefinder.downloads.http.ssrf import Resolve
from imagefinder.downloads.partial_file import (
    PartialFile,
    create_temporary_folder,
    remove_temporary_folder,
)
from imagefinder.downloads.results import NAME, Counts, write_results
from imagefinder.downloads.state import DownloadState, FailedUrl, UrlOutcome, described
from imagefinder.downloads.url_list import UrlList, open_list
from imagefinder.errors import DownloadError, FetchError
from imagefinder.images.inputs import Input, absolute

OnUrl: TypeAlias = Callable[[bool], object]
"""Called after each URL: whether it gave an image."""

_QUEUED = 10_000  # jobs, so that a slow host at the head of the list delays no other
_MAX_BACKOFF = 120.0  # seconds; if a server requests a longer wait, the URL fails


@dataclass(frozen=True)
class DownloadSettings:
    """How a list is downloaded: concurrency, retries and limits."""

    jobs: int = 64
    """Concurrent downloads."""
    per_host: int = 8
    """Concurrent downloads from one host."""
    retries: int = 2
    """After temporary failures: no response, a broken connection, statuses such as 503."""
    min_side: int = 16
    """Pixels; smaller images are taken for placeholders."""
    limits: FetchLimits = field(default_factory=FetchLimits)
    resolve: Resolve | None = None
    """DNS resolution; the system's if not given."""


@dataclass(frozen=True)
class Summary(Counts):
    """The result of downloading a list."""

    column: str
    """The column of the URLs."""
    results: str
    """The path of the CSV with a line for each URL."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """A JSON-serializable dictionary."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}

    def inputs(self) -> Iterator[Input]:
        """The images of this list with their metadata, for ``Finder.add``."""
        return described(Path(self.results).parent, self.run)


def download(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    column: str | None = None,
    retry_failed: bool = False,
    settings: DownloadSettings | None = None,
    progress: OnUrl = bool,
) -> Summary:
    """Download the images of a list into a folder, each distinct content once.

    ``source`` is a CSV, TSV, JSON Lines or Parquet file; ``column`` holds the URLs, and is detected
    if not given. URLs that an earlier run finished are skipped; those that failed are tried again
    only with ``retry_failed``. Raises DownloadError.
    """
    began = perf_counter()
    urls = open_list(absolute(source), column)
    root = absolute(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with DownloadState(root) as state:
            create_temporary_folder(root)
            if retry_failed:
                state.forget_failures()
            run(_Download(urls, root, state, settings or DownloadSettings(), progress).run())
            remove_temporary_folder(root)
            state.flush()
            counts = write_results(urls, state, root)
    except OSError as error:
        raise DownloadError(f"{error.filename or root}: {one_line(error)}") from error
    return Summary(
        **asdict(counts),
        column=urls.column,
        results=str(root / NAME),
        seconds=perf_counter() - began,
    )


@dataclass(frozen=True)
class _Download:
    """One run over a list: a feeder fills the frontier, workers fetch what it yields."""

    urls: UrlList
    folder: Path
    state: DownloadState
    settings: DownloadSettings
    progress: OnUrl

    async def run(self) -> None:
        """Until every URL is finished, or the folder cannot be written to."""
        frontier = Frontier(self.settings.per_host, _QUEUED)
        async with Fetcher(self.settings.limits, self.settings.resolve) as fetcher:
            feeder = asyncio.create_task(self._feed(frontier))
            workers = [
                asyncio.create_task(self._work(frontier, fetcher))
                for _ in range(self.settings.jobs)
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

    async def _feed(self, frontier: Frontier) -> None:
        """Queue the unfinished URLs of the list, and wait until all are done."""
        for number, row in enumerate(self.urls):
            if number % 100 == 0:
                await asyncio.sleep(0)  # let responses be handled while the list is read
            url = row.url
            if url is None or url in frontier:
                continue
            known = self.state.outcome(url)
            if known is None:
                await frontier.put(Job(url, _host(url)))
            else:
                self.progress(not isinstance(known, FailedUrl))
        await frontier.join()

    async def _work(self, frontier: Frontier, fetcher: Fetcher) -> None:
        while True:
            job = await frontier.get()
            try:
                outcome: UrlOutcome = await self._image(job.url, fetcher)
            except FetchError as error:
                wait = _backoff(error, job.tries)
                if error.retryable and job.tries < self.settings.retries and wait <= _MAX_BACKOFF:
                    frontier.retry(job, wait, pause_host=error.retry_after is not None)
                    continue
                outcome = FailedUrl(error.reason, str(error))
            self.state.record(job.url, outcome)
            self.progress(not isinstance(outcome, FailedUrl))
            frontier.done(job)

    async def _image(self, url: str, fetcher: Fetcher) -> UrlOutcome:
        with PartialFile(self.folder) as file:
            await fetcher.fetch(url, file.write)
            return await asyncio.to_thread(file.finish, self.settings.min_side)


def _host(url: str) -> str:
    """As written, which is enough for fair scheduling."""
    return url.partition("//")[2].partition("/")[0].lower()


def _backoff(error: FetchError, tries: int) -> float:
    """Seconds before the next try: as the server requests, else exponential with jitter."""
    if error.retry_after is not None:
        return error.retry_after
    return random.uniform(0.5, 1) * 2.0**tries  # noqa: S311  jitter
